import { createHash } from "node:crypto";
import { makeKey, type SigningKey, signMessage } from "../support/client.ts";

/* Changes that somebody can make to a log who can write it, but has no publisher's key. */

export const MUTATIONS = [
  "drop",
  "swap",
  "repeat",
  "resign a version",
  "sign a version with another key of the people",
  "the people add a key",
  "half an addition",
  "another time of a key change",
  "another reason",
  "another since",
  "another previous",
  "another number",
  "another key",
  "a statement for another registry",
  "stranger adds a key",
  "reset that is too old",
  "version from the future",
  "another spelling",
] as const;
export type Mutation = (typeof MUTATIONS)[number];

interface Options {
  /** The number by which the leaf is chosen. */
  readonly at: number;
  readonly other: number;
  /** The keys of the people, to sign what they would sign elsewhere. */
  readonly keys: readonly SigningKey[];
  readonly origin: string;
}

/** A changed log, and the leaf at which every replay must notice the change, if there is one. */
export interface Mutated {
  readonly leaves: readonly string[];
  readonly mustFailAt?: number;
}

const stranger = makeKey();
const isVersion = (leaf: string) => leaf.startsWith("cpm.version/");
const isKey = (leaf: string) => leaf.startsWith("cpm.key/");
const isSigned = (leaf: string) => isKey(leaf) && !leaf.endsWith("signatures -\n");
const isRemoval = (leaf: string) => isKey(leaf) && leaf.includes("\nreason ");

const field = (leaf: string, name: string) => new RegExp(`\\n${name} (.*)\\n`).exec(leaf)?.[1] ?? "";
const withField = (leaf: string, name: string, value: string) =>
  leaf.replace(new RegExp(`\\n${name} .*\\n`), `\n${name} ${value}\n`);

/** The index of one of the leaves of a kind. */
function pick(leaves: readonly string[], isWanted: (leaf: string) => boolean, at: number): number | undefined {
  const indexes = leaves.flatMap((leaf, index) => (isWanted(leaf) ? [index] : []));
  return indexes[at % Math.max(1, indexes.length)];
}

/** Replaces one leaf of a kind, which no replay may believe then. */
function replaced(
  leaves: readonly string[],
  isWanted: (leaf: string) => boolean,
  at: number,
  change: (leaf: string) => string,
): Mutated | undefined {
  const index = pick(leaves, isWanted, at);
  if (index === undefined) return undefined;
  const leaf = change(leaves[index] ?? "");
  return leaf === leaves[index] ? undefined : { leaves: leaves.with(index, leaf), mustFailAt: index };
}

/** The leaf of a version that somebody else signed, or its own signer under another name. */
function resigned(leaf: string, signer: SigningKey): string {
  const [, name, version] = leaf.split("\n", 1)[0]?.split(" ") ?? [];
  const statement = `cpm-package-signature/v1\nname: ${name}\nversion: ${version}\nsha256: ${field(leaf, "sha256")}\nsize: ${field(leaf, "size")}\n`;
  const signed = withField(leaf, "signature", `cpm-v1 ${signMessage(signer, statement)}`);
  return withField(signed, "signer", `ed25519 ${signer.publicHex}`);
}

function keyWords(leaf: string) {
  const [, name = "", number = "", action = "", key = ""] = leaf.split("\n", 1)[0]?.split(" ") ?? [];
  return { name, number, action, key };
}

/** Signs a key leaf again with all the right keys, but for another registry. */
function signedElsewhere(leaf: string, { keys }: Options): string {
  const { name, action, key } = keyWords(leaf);
  const removal = isRemoval(leaf) ? `reason: ${field(leaf, "reason")}\nsince: ${field(leaf, "since")}\n` : "";
  const statement = `cpm-key-change/v2\nregistry: elsewhere.test/log\nname: ${name}\naction: ${action}\nkey: ${key}\nprevious: ${field(leaf, "previous")}\nat: ${field(leaf, "at")}\n${removal}`;
  const added = keys.find(({ publicHex }) => publicHex === key) ?? stranger;
  const one = signMessage(action === "reset" ? added : (keys[0] ?? stranger), statement);
  const all = action === "add" ? `${one} ${signMessage(added, statement)}` : one;
  return leaf.replace(/\nsignatures .*\n$/, `\nsignatures ${all}\n`);
}

/** A key leaf that follows the last one of the package of a leaf. */
function appended(
  leaves: readonly string[],
  { at, origin }: Options,
  action: "add" | "reset",
  time: (newest: number) => number,
  [key, signer]: readonly [SigningKey, SigningKey] = [stranger, stranger],
): Mutated | undefined {
  const name = leaves[at % leaves.length]?.split("\n", 1)[0]?.split(" ")[1];
  const own = leaves.filter((leaf) => leaf.split("\n", 1)[0]?.split(" ")[1] === name);
  const first = own.find(isVersion);
  const changes = own.filter(isKey);
  const last = changes.at(-1) ?? first;
  if (last === undefined) return undefined;
  const times = leaves.map((leaf) => Date.parse(field(leaf, isKey(leaf) ? "at" : "published")));
  const newest = Math.max(...times.filter(Number.isFinite));
  const when = `${new Date(time(newest)).toISOString().slice(0, 19)}Z`;
  const previous = createHash("sha256").update(last).digest("hex");
  const statement = `cpm-key-change/v2\nregistry: ${origin}\nname: ${name}\naction: ${action}\nkey: ${key.publicHex}\nprevious: ${previous}\nat: ${when}\n`;
  const signature = signMessage(signer, statement);
  const signatures = action === "add" ? `${signature} ${signMessage(key, statement)}` : signature;
  const leaf = `cpm.key/v2 ${name} ${changes.length + 1} ${action} ${key.publicHex}\nby mallory\nprevious ${previous}\nat ${when}\nsignatures ${signatures}\n`;
  return { leaves: [...leaves, leaf], mustFailAt: leaves.length };
}

function keyAt({ keys }: Options, at: number): SigningKey {
  return keys[at % keys.length] ?? stranger;
}

/** A leaf about the same package by another of its names, which its own signer signed. */
function respelled(leaf: string, { keys }: Options): string {
  const other = leaf.replace("history-", "history_");
  const signer = keys.find(({ publicHex }) => field(leaf, "signer") === `ed25519 ${publicHex}`);
  return signer === undefined ? other : resigned(other, signer);
}

const OTHER_HEX = "ab".repeat(32);

/** Changes a log. Returns undefined if it has no leaf that this mutation could change. */
export function mutate(mutation: Mutation, leaves: readonly string[], options: Options): Mutated | undefined {
  const { at, other } = options;
  if (leaves.length === 0) return undefined;
  switch (mutation) {
    case "drop":
      return { leaves: leaves.toSpliced(at % leaves.length, 1) };
    case "swap": {
      const [a, b] = [at % leaves.length, other % leaves.length];
      return { leaves: leaves.with(a, leaves[b] ?? "").with(b, leaves[a] ?? "") };
    }
    case "repeat":
      return { leaves: [...leaves, leaves[at % leaves.length] ?? ""], mustFailAt: leaves.length };
    case "resign a version": {
      // The signer of the first version is trusted, so only those who saw the log before can notice
      // this change.
      const changed = replaced(leaves, isVersion, at, (leaf) => resigned(leaf, stranger));
      return changed?.mustFailAt === leaves.findIndex(isVersion) ? { leaves: changed.leaves } : changed;
    }
    case "sign a version with another key of the people": {
      const changed = replaced(leaves, isVersion, at, (leaf) => resigned(leaf, keyAt(options, other)));
      return changed && { leaves: changed.leaves };
    }
    case "the people add a key": {
      const changed = appended(leaves, options, "add", (newest) => newest, [keyAt(options, other), keyAt(options, at)]);
      return changed && { leaves: changed.leaves };
    }
    case "half an addition":
      return replaced(leaves, isKey, at, (leaf) => leaf.replace(/\nsignatures (\S+) \S+\n$/, "\nsignatures $1\n"));
    case "another time of a key change":
      return replaced(leaves, isSigned, at, (leaf) => withField(leaf, "at", field(leaf, "at").replace(/..Z$/, "59Z")));
    case "another reason":
      return replaced(leaves, isRemoval, at, (leaf) =>
        withField(leaf, "reason", field(leaf, "reason") === "superseded" ? "compromised" : "superseded"),
      );
    case "another since":
      return replaced(leaves, isRemoval, at, (leaf) => withField(leaf, "since", "9.9.9"));
    case "another previous":
      return replaced(leaves, isKey, at, (leaf) => withField(leaf, "previous", OTHER_HEX));
    case "another number":
      return replaced(leaves, isKey, at, (leaf) =>
        leaf.replace(/^(\S+ \S+) (\d+)/, (_, head, n) => `${head} ${Number(n) + 1}`),
      );
    case "another key":
      return replaced(leaves, isKey, at, (leaf) => leaf.replace(/[0-9a-f]{64}/, stranger.publicHex));
    case "a statement for another registry":
      return replaced(leaves, isSigned, at, (leaf) => signedElsewhere(leaf, options));
    case "stranger adds a key":
      return appended(leaves, options, "add", (newest) => newest);
    case "reset that is too old":
      return appended(leaves, options, "reset", (newest) => newest - 80 * 3_600_000);
    case "version from the future":
      return replaced(leaves, isVersion, at, (leaf) => withField(leaf, "published", "2999-01-01T00:00:00Z"));
    case "another spelling":
      return replaced(
        leaves,
        (leaf) => leaf !== leaves.find(isVersion) && (isKey(leaf) || isVersion(leaf)),
        at,
        (leaf) => respelled(leaf, options),
      );
  }
}
