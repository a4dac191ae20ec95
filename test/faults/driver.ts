import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, makeKey, newAccount, type SigningKey, sha256 } from "../support/client.ts";
import { Chance } from "./chance.ts";
import { type Intent, isAcknowledged, Journal, type Result } from "./journal.ts";

/**
 * Longer than every deadline of the registry together: a caller without an answer for so long is
 * stuck.
 */
const STUCK_AFTER_MS = 30_000;
/** Publishers of one account publish the same packages and compete. */
const PUBLISHERS_PER_ACCOUNT = 4;
/** Pause after a failed answer, so that refused connections do not fill the machine. */
const REFUSED_PAUSE_MS = 50;

/** A publisher: an account that is logged in, and a key. */
export interface Publisher {
  readonly client: Client;
  readonly key: SigningKey;
}

/**
 * Makes accounts for `count` publishers. Their tokens stay valid over restarts, because the session
 * key is fixed.
 */
export async function makePublishers(url: string, count: number): Promise<Publisher[]> {
  const accounts = Math.ceil(count / PUBLISHERS_PER_ACCOUNT);
  const made = await Promise.all(
    Array.from({ length: accounts }, async () => ({ client: await newAccount({ url }, "press"), key: makeKey() })),
  );
  return Array.from({ length: count }, (_, n) => made[n % accounts] as Publisher);
}

/** The archive of an intent: always the same bytes, and never the bytes of another intent. */
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
  /** The directory of the journals. It is not on the disk that fails. */
  readonly journals: string;
  /**
   * The prefix of package and journal names. Every call that shares a registry or a directory has
   * its own.
   */
  readonly title: string;
  /** Publishers go on while this returns true. They ask before every publish. */
  readonly running: () => boolean;
  /**
   * What a publisher does after a lost connection: it ends, or waits for the server to come back.
   */
  readonly onLost?: "stop" | "retry";
  /** Called once an answer is durable in a journal. */
  readonly onNoted?: (intent: Intent, result: Result) => unknown;
}

/**
 * What one publisher does next: mostly new versions, some new packages, and some repeats that must
 * change nothing.
 */
class Plan {
  readonly #sent: Intent[] = [];
  #versions = 0;
  #packages = 1;

  constructor(
    readonly title: string,
    readonly publisher: number,
    /** Publishers of one account share package names, because others may not publish them. */
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
    // All publishers of the account want every fifth version, each with other bytes.
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

/** Sends one publish. Never throws: a lost connection is "none". */
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
 * Lets all publishers publish until `running` returns false or the server is lost. Each writes
 * every attempt and every answer into its own journal. Resolves when all have ended; only the
 * journals have the answers.
 */
export async function drive(options: DriveOptions): Promise<void> {
  await Promise.all(options.publishers.map((publisher, number) => work(number, publisher, options)));
}

/** A client without an account, for public requests. */
export function guestOf(url: string): Client {
  return new Client(url);
}
