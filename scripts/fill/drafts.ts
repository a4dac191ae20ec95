import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import type { PackageName } from "../../src/domain/package-name.ts";
import type { PackageDraft } from "../../test/support/archive-maker.ts";
import type { SigningKey } from "../../test/support/client.ts";
import { randomFrom } from "../../test/support/random.ts";
import type { Plan } from "./plan.ts";
import { heavyTailed, makeNames, Vocabulary, zipf } from "./vocabulary.ts";

const ACCOUNTS_PER_PACKAGE = 1 / 20;
const ACCOUNTS_MIN = 3;
const FIRST_NAMES =
  "Ada Alan Barbara Edsger Grace Donald Margaret Dennis Radia Ken Frances Linus Shafi Vint Hedy".split(" ");
const LAST_NAMES =
  "Almgren Bergqvist Castro Dahl Eriksen Fofana Garcia Haddad Ito Jansen Kaya Lindqvist Moreau Nwosu Okafor".split(" ");
const DEPRECATED_ONE_IN = 50;
const SECOND_OWNER_ONE_IN = 6;
/** DER of an Ed25519 private key (RFC 8410), up to its 32 bytes. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** An account that publishes. Its one key, like all its fields, follows from the seed. */
export interface Account {
  readonly userId: string;
  readonly username: string;
  readonly email: string;
  readonly fullName: string;
  readonly key: SigningKey;
}

/** What all versions of a package have in common. */
export interface PackageText {
  readonly name: PackageName;
  readonly description: string;
  readonly tags: readonly string[];
  readonly readme: string;
  /** Numbers of accounts. The first one publishes. */
  readonly owners: readonly [publisher: number, ...others: number[]];
  readonly maintainers: readonly { readonly name: string; readonly email: string }[];
  readonly dependencies: readonly { readonly name: string; readonly version: string }[];
  /** The package to use instead, if this one is deprecated. Undefined for most. */
  readonly replacement: string | undefined;
}

/**
 * Writes the texts of a planned registry, one package at a time: all of them would not fit into
 * memory.
 */
export class Drafts {
  readonly names: readonly PackageName[];
  readonly accountCount: number;
  readonly #vocabulary: Vocabulary;
  readonly #accounts = new Map<number, Account>();

  constructor(
    readonly seed: number,
    readonly plan: Plan,
  ) {
    this.#vocabulary = new Vocabulary(seed, plan.packages);
    this.names = makeNames(this.#vocabulary, seed, plan.packages);
    this.accountCount = Math.max(ACCOUNTS_MIN, Math.round(plan.packages * ACCOUNTS_PER_PACKAGE));
  }

  account(number: number): Account {
    const known = this.#accounts.get(number);
    if (known !== undefined) return known;
    const made = makeAccount(this.seed, number);
    this.#accounts.set(number, made);
    return made;
  }

  package(number: number): PackageText {
    const random = randomFrom(Math.imul(this.seed + number, 0x9e3779b1));
    const vocabulary = this.#vocabulary;
    const name = this.nameOf(number);
    const tags = Array.from({ length: random(6) }, () => vocabulary.fieldWord(random));
    const publisher = zipf(random, this.accountCount);
    const second = random(SECOND_OWNER_ONE_IN) === 0 ? (publisher + 1) % this.accountCount : publisher;
    const { fullName, email } = this.account(publisher);
    return {
      name,
      description: vocabulary.text(random, 2 + heavyTailed(random, 8, 120)),
      tags: [...new Set(tags)],
      readme: `# ${name}\n\n${vocabulary.text(random, heavyTailed(random, 30, 2_000))}\n`,
      owners: second === publisher ? [publisher] : [publisher, second],
      maintainers: random(3) === 0 ? [] : [{ name: fullName, email }],
      // Only on older packages, as in a registry that grows.
      dependencies: Array.from({ length: number === 0 ? 0 : random(4) }, () => ({
        name: this.nameOf(zipf(random, number)),
        version: "^1.0.0",
      })),
      replacement: number > 0 && random(DEPRECATED_ONE_IN) === 0 ? this.nameOf(random(number)) : undefined,
    };
  }

  nameOf(number: number): PackageName {
    const name = this.names[number];
    if (name === undefined) throw new RangeError("There is no such package");
    return name;
  }
}

/** The draft that a version's archive is made from. */
export function draftOf(text: PackageText, version: string): PackageDraft {
  const { name, description, tags, readme, maintainers, dependencies } = text;
  return { name, version, description, tags, readme, maintainers, dependencies };
}

function makeAccount(seed: number, number: number): Account {
  const digest = createHash("sha256").update(`cpm-registry fill ${seed} account ${number}`).digest();
  const [first, last] = [
    FIRST_NAMES[(digest[0] ?? 0) % FIRST_NAMES.length],
    LAST_NAMES[(digest[1] ?? 0) % LAST_NAMES.length],
  ];
  const username = `${first}${last}${number}`.toLowerCase();
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, digest]), format: "der", type: "pkcs8" });
  const publicHex = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32).toString("hex");
  // The form of a random UUID (RFC 9562 §5.4).
  const hex = createHash("sha256").update(digest).digest("hex");
  const userId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return {
    userId,
    username,
    email: `${username}@example.org`,
    fullName: `${first} ${last}`,
    key: { privateKey, publicHex },
  };
}
