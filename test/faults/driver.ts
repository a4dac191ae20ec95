import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, makeKey, newAccount, type SigningKey, sha256 } from "../support/client.ts";
import { Chance } from "./chance.ts";
import { type Intent, isAcknowledged, Journal, type Result } from "./journal.ts";

/** Longer than every deadline of the registry together: who gets no answer for so long is stuck. */
const STUCK_AFTER_MS = 30_000;
/** Publishers of one account publish the same packages and get into each other's way. */
const PUBLISHERS_PER_ACCOUNT = 4;
/** After an answer that was not good, so that publishers do not fill the machine with refused connections. */
const REFUSED_PAUSE_MS = 50;

/** Somebody who may publish: an account that is logged in, and a key. */
export interface Publisher {
  readonly client: Client;
  readonly key: SigningKey;
}

/** Makes accounts for `count` publishers. Their tokens hold over restarts, because the key of sessions is fixed. */
export async function makePublishers(url: string, count: number): Promise<Publisher[]> {
  const accounts = Math.ceil(count / PUBLISHERS_PER_ACCOUNT);
  const made = await Promise.all(
    Array.from({ length: accounts }, async () => ({ client: await newAccount({ url }, "press"), key: makeKey() })),
  );
  return Array.from({ length: count }, (_, n) => made[n % accounts] as Publisher);
}

/** The archive of an intent: the same bytes every time, and never the bytes of another one. */
export function archiveOf({ name, version, variant }: Pick<Intent, "name" | "version" | "variant">): Uint8Array {
  const chance = new Chance(Bun.hash.crc32(`${name} ${version} ${variant}`));
  const noise = chance.bytes(chance.between(16, 3_000));
  return makePackage({ name, version, description: `variant ${variant}`, files: { "noise.bin": noise } });
}

function intentOf(publisher: number, name: string, version: string, variant: number): Intent {
  return { name, version, variant, publisher, sha256: sha256(archiveOf({ name, version, variant })) };
}

export interface DriveOptions {
  readonly publishers: readonly Publisher[];
  readonly seed: number;
  /** Where the journals are written: not on the disk that fails. */
  readonly journals: string;
  /** Names of packages and journals begin with it: one for every call that shares a registry or a directory. */
  readonly title: string;
  /** Publishers go on while this holds; asked before every publish. */
  readonly running: () => boolean;
  /** What a lost connection means: the end, or that somebody is away for a while. */
  readonly onLost?: "stop" | "retry";
  /** Called when an answer is on the disk of the journals. */
  readonly onNoted?: (intent: Intent, result: Result) => unknown;
}

/** What one publisher does next: mostly new versions, some new packages, and what must change nothing. */
class Plan {
  readonly #sent: Intent[] = [];
  #versions = 0;
  #packages = 1;

  constructor(
    readonly title: string,
    readonly publisher: number,
    /** Publishers of one account share the names of packages, because others may not publish them. */
    readonly account: number,
    readonly chance: Chance,
  ) {}

  next(): Intent {
    const dice = this.chance.next();
    const earlier = this.chance.pick(this.#sent);
    if (dice < 0.1 && earlier !== undefined) return earlier;
    if (dice < 0.2 && earlier !== undefined) {
      const { name, version } = earlier;
      return this.#keep(intentOf(this.publisher, name, version, this.chance.between(1, 3) + 10 * this.publisher));
    }
    if (dice < 0.3) this.#packages += 1;
    // Every fifth version is one that all publishers of the account want, each with other bytes.
    this.#versions += 1;
    const wanted = this.#versions % 5 === 0;
    const version = wanted ? `2.0.${this.#versions / 5}` : `1.${this.publisher}.${this.#versions}`;
    const name = `${this.title}-${this.account}-${wanted ? 1 : this.chance.between(1, this.#packages)}`;
    return this.#keep(intentOf(this.publisher, name, version, wanted ? 10 * this.publisher : 0));
  }

  #keep(intent: Intent): Intent {
    this.#sent.push(intent);
    return intent;
  }
}

/** Sends one publish. Never throws: a connection that was lost is "none". */
export async function publishIntent(publisher: Publisher, intent: Intent): Promise<{ result: Result; body: string }> {
  const { name, version } = intent;
  const sending = publisher.client.publish(name, version, archiveOf(intent), publisher.key).then(
    (answer: Answer) => ({ result: answer.status, body: answer.text }),
    (cause: unknown) => ({ result: "none" as const, body: String(cause) }),
  );
  let timer: Timer | undefined;
  const stuck = new Promise<{ result: "stuck"; body: string }>((done) => {
    timer = setTimeout(() => done({ result: "stuck", body: "" }), STUCK_AFTER_MS);
  });
  return Promise.race([sending, stuck]).finally(() => clearTimeout(timer));
}

async function work(number: number, publisher: Publisher, options: DriveOptions): Promise<void> {
  const { publishers, seed, journals, title, running, onLost = "stop", onNoted } = options;
  const journal = await Journal.open(journals, `${title}-${number}`);
  const accounts = new Set(publishers.map(({ client }) => client.username)).size;
  const plan = new Plan(title, number, number % accounts, new Chance(seed * 1_000 + number));
  try {
    while (running()) {
      const intent = plan.next();
      const attempt = await journal.intend(intent);
      const { result, body } = await publishIntent(publisher, intent);
      await journal.note(attempt, result, body);
      onNoted?.(intent, result);
      if (result === "stuck") return;
      if (result === "none" && onLost === "stop") return;
      if (!isAcknowledged({ result })) await Bun.sleep(REFUSED_PAUSE_MS);
    }
  } finally {
    await journal.close();
  }
}

/**
 * Lets all publishers publish until `running` does not hold or the server is lost, each writing every attempt and
 * every answer into its own journal. Resolves when all have ended; what they got stands in the journals alone.
 */
export async function drive(options: DriveOptions): Promise<void> {
  await Promise.all(options.publishers.map((publisher, number) => work(number, publisher, options)));
}

/** A client without an account, for what everybody may do. */
export function guestOf(url: string): Client {
  return new Client(url);
}
