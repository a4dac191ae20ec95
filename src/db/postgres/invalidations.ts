import { setTimeout } from "node:timers/promises";
import postgres from "postgres";
import { withTimeout } from "../../runtime/timeout.ts";
import type { DbSession } from "../database.ts";
import type { Invalidated, Invalidations } from "../invalidations.ts";
import type { ClientOptions } from "./client-options.ts";

const CHANNEL = "cpm_registry_changes";
const LISTEN = `LISTEN ${CHANNEL}`;
const STILL_LISTENING = "SELECT pg_listening_channels()";
/**
 * The statements that only a watching connection runs. `isInUse` recognises a running server by
 * them.
 */
export const WATCH_STATEMENTS = [LISTEN, STILL_LISTENING];
const CHECK_EVERY_MS = 250;
/** After this time without an answer the watch starts again on a new connection. */
const ANSWER_MAX_MS = 900;
/** Postgres refuses notifications of 8000 bytes; a name has at most 64. */
const NAMES_PER_NOTIFICATION = 100;

/**
 * Notifies other processes, at commit, which packages a transaction changed. Names that are added
 * in the same turn of the event loop are one notification. It is sent with the next statement,
 * because each message costs a system call and a wait.
 */
export class PendingNotifications {
  readonly #run: DbSession["values"];
  readonly #names = new Set<string>();
  readonly #sent: Promise<unknown>[] = [];
  #unsent: string[] = [];

  constructor(run: DbSession["values"]) {
    this.#run = run;
  }

  get names(): readonly string[] {
    return [...this.#names];
  }

  add(name: string): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    if (this.#unsent.push(name) === 1) queueMicrotask(() => this.#send());
  }

  /** Returns when the database has received all of them. */
  async flush(): Promise<void> {
    this.#send();
    await Promise.all(this.#sent);
  }

  #send(): void {
    for (let at = 0; at < this.#unsent.length; at += NAMES_PER_NOTIFICATION) {
      const text = JSON.stringify(this.#unsent.slice(at, at + NAMES_PER_NOTIFICATION));
      const sent = this.#run("SELECT pg_notify($1, $2)", [CHANNEL, text]);
      // `flush` reports a failure, and so does every later statement of the transaction.
      sent.catch(() => undefined);
      this.#sent.push(sent);
    }
    this.#unsent = [];
  }
}

/** One connection that listens. */
class Listener {
  readonly #client: postgres.Sql;

  constructor(client: ClientOptions, received: (invalidated: Invalidated) => void) {
    const onnotify = (channel: string, text: string) => {
      if (channel === CHANNEL) received(JSON.parse(text));
    };
    // With `fetch_types` the driver sends a query of its own. If that is cut off, nobody catches
    // the rejection.
    const options = { ...client, max: 1, idle_timeout: 0, max_lifetime: null, fetch_types: false, onnotify };
    this.#client = postgres(options);
  }

  async begin(): Promise<void> {
    await withTimeout(ANSWER_MAX_MS, this.#client.unsafe(LISTEN));
  }

  /**
   * Asks whether this connection still listens, because the driver replaces a lost connection by
   * itself. A notification of a commit before the question is delivered, at the latest, between its
   * answer and the answer of the next question.
   */
  async isListening(): Promise<boolean> {
    const channels = await withTimeout(ANSWER_MAX_MS, this.#client.unsafe(STILL_LISTENING));
    return channels.length > 0;
  }

  /**
   * Ends the connection without waiting, because `end()` can hang on a connection that was lost.
   */
  end(): void {
    this.#client.end({ timeout: 1 }).catch(() => undefined);
  }
}

/**
 * Listens for changes by other processes on the database, and checks four times a second that it
 * still does. While it does not, nothing is fresh (`Invalidations.isFresh`). When it listens again,
 * everything is invalidated, because it may have missed notifications. Returns a function that
 * stops it.
 */
export function watchPostgres(client: ClientOptions, invalidations: Invalidations): () => void {
  let listener: Listener | undefined;
  let isStopped = false;
  let askedMs = Number.NEGATIVE_INFINITY;
  const check = async () => {
    const deliveredMs = askedMs;
    askedMs = performance.now();
    if (listener === undefined) {
      listener = new Listener(client, (invalidated) => invalidations.notify(invalidated));
      await listener.begin();
      invalidations.notify("any");
    } else {
      if (!(await listener.isListening())) throw new Error("The connection that listened was lost");
      invalidations.markFreshAt(deliveredMs);
    }
  };
  const watch = async () => {
    while (!isStopped) {
      await check().catch(() => {
        listener?.end();
        listener = undefined;
      });
      await setTimeout(CHECK_EVERY_MS, undefined, { ref: false });
    }
    listener?.end();
  };
  void watch();
  return () => {
    isStopped = true;
    listener?.end();
  };
}
