import { setTimeout } from "node:timers/promises";
import postgres from "postgres";
import { withTimeout } from "../../runtime/timeout.ts";
import type { DbSession } from "../database.ts";
import type { Changed, PackageChanges } from "../invalidations.ts";

type ClientOptions = postgres.Options<Record<string, never>>;

const CHANNEL = "cpm_registry_changes";
const LISTEN = `LISTEN ${CHANNEL}`;
const STILL_LISTENING = "SELECT pg_listening_channels()";
/** What is said on a connection that watches, and on no other: by it a running server is known. */
export const WATCH_STATEMENTS = [LISTEN, STILL_LISTENING];
const LOOK_EVERY_MS = 250;
/** An answer that takes longer is as good as none: the watch begins anew, on a new connection. */
const ANSWER_WITHIN_MS = 900;
/** Postgres refuses notifications of 8000 bytes; a name has at most 64. */
const NAMES_PER_NOTE = 100;

/**
 * Tells other processes, at commit, which packages a transaction changed. Names that are said at the same time are one
 * notification, which goes with the next statement, because each message costs a system call and a wait.
 */
export class ChangeNotes {
  readonly #run: DbSession["values"];
  readonly #names = new Set<string>();
  readonly #sent: Promise<unknown>[] = [];
  #untold: string[] = [];

  constructor(run: DbSession["values"]) {
    this.#run = run;
  }

  get names(): readonly string[] {
    return [...this.#names];
  }

  add(name: string): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    if (this.#untold.push(name) === 1) queueMicrotask(() => this.#send());
  }

  /** Returns when the database has all of them. */
  async sent(): Promise<void> {
    this.#send();
    await Promise.all(this.#sent);
  }

  #send(): void {
    for (let at = 0; at < this.#untold.length; at += NAMES_PER_NOTE) {
      const text = JSON.stringify(this.#untold.slice(at, at + NAMES_PER_NOTE));
      const sent = this.#run("SELECT pg_notify($1, $2)", [CHANNEL, text]);
      // Whoever waits for it hears of its failure, and so does every later statement of the transaction.
      sent.catch(() => undefined);
      this.#sent.push(sent);
    }
    this.#untold = [];
  }
}

/** One connection that listens. */
class Listening {
  readonly #client: postgres.Sql;

  constructor(client: ClientOptions, heard: (changed: Changed) => void) {
    const onnotify = (channel: string, text: string) => {
      if (channel === CHANNEL) heard(JSON.parse(text));
    };
    // The driver asks for types by itself, and when that question is cut off, nobody hears of it but the whole process.
    const options = { ...client, max: 1, idle_timeout: 0, max_lifetime: null, fetch_types: false, onnotify };
    this.#client = postgres(options);
  }

  async begin(): Promise<void> {
    await withTimeout(ANSWER_WITHIN_MS, this.#client.unsafe(LISTEN));
  }

  /**
   * Whether this connection still listens: the driver makes a new one by itself when one is lost. What was committed
   * before the question is delivered, at the latest, between its answer and that of the next one.
   */
  async isListening(): Promise<boolean> {
    const channels = await withTimeout(ANSWER_WITHIN_MS, this.#client.unsafe(STILL_LISTENING));
    return channels.length > 0;
  }

  /** Not waited for: measured, it can hang on a connection that was lost. */
  end(): void {
    this.#client.end({ timeout: 1 }).catch(() => undefined);
  }
}

/**
 * Listens for what other processes on the database changed, and asks four times a second whether it still does. While it
 * does not, nothing is known (`PackageChanges.areKnown`); when it does again, anything may have changed. Returns how to stop.
 */
export function watchPostgres(client: ClientOptions, changes: PackageChanges): () => void {
  let listening: Listening | undefined;
  let isStopped = false;
  let askedMs = Number.NEGATIVE_INFINITY;
  const look = async () => {
    const deliveredMs = askedMs;
    askedMs = performance.now();
    if (listening === undefined) {
      listening = new Listening(client, (changed) => changes.tell(changed));
      await listening.begin();
      changes.tell("any");
    } else {
      if (!(await listening.isListening())) throw new Error("The connection that listened was lost");
      changes.areKnownTo(deliveredMs);
    }
  };
  const watch = async () => {
    while (!isStopped) {
      await look().catch(() => {
        listening?.end();
        listening = undefined;
      });
      await setTimeout(LOOK_EVERY_MS, undefined, { ref: false });
    }
    listening?.end();
  };
  void watch();
  return () => {
    isStopped = true;
    listening?.end();
  };
}
