import type { Deps } from "../deps.ts";
import { errorFields } from "../runtime/logger.ts";
import { resealSecrets } from "./reseal-secrets.ts";
import { type DeliverDeps, takeTurn } from "./take-turn.ts";
import { findDue } from "./turns.ts";
import type { WebhookRow } from "./webhook-view.ts";

const POLL_MS = 1_000;
/** How many webhooks one process serves at once, in all and of one account. */
const CONCURRENCY = 8;
const PER_ACCOUNT = 2;

/** What the sender needs. */
export type SenderDeps = DeliverDeps & Pick<Deps, "readOnly">;

/**
 * Delivers committed events to webhooks, in the background of every server. It finds them in the
 * database, so no publish waits for it or knows of it. While the registry is read-only nothing is
 * sent: what was sent could not be recorded, and the database may be an old copy whose events were
 * sent before.
 */
export class WebhookSender {
  readonly #deps: SenderDeps;
  readonly #holder = crypto.randomUUID();
  readonly #stop = new AbortController();
  /** The turns of this process by webhook, each with the account. */
  readonly #turns = new Map<string, { readonly userId: string; readonly done: Promise<void> }>();
  #hasResealed = false;
  #paceMs = POLL_MS;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(deps: SenderDeps) {
    this.#deps = deps;
  }

  /** Begins to look for events, until `close`. Called again, it changes how often. */
  start(paceMs = POLL_MS): void {
    this.#paceMs = paceMs;
    this.#lookIn(paceMs);
  }

  #lookIn(afterMs: number): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => this.#lookIn(this.#paceMs));
    }, afterMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    if (this.#deps.readOnly.refusesWrites) return;
    try {
      if (!this.#hasResealed) await resealSecrets(this.#deps);
      this.#hasResealed = true;
      for (const webhook of await findDue(this.#deps)) if (this.#hasRoomFor(webhook)) this.#begin(webhook);
    } catch (cause) {
      this.#warn(cause);
    }
  }

  #hasRoomFor({ id, userId }: WebhookRow): boolean {
    const ofAccount = [...this.#turns.values()].filter((turn) => turn.userId === userId);
    const isFull = this.#turns.size >= CONCURRENCY || ofAccount.length >= PER_ACCOUNT;
    return !isFull && !this.#turns.has(id) && !this.#stop.signal.aborted;
  }

  #begin({ id, userId }: WebhookRow): void {
    const done = takeTurn(this.#deps, this.#holder, id, this.#stop.signal)
      .catch((cause) => this.#warn(cause))
      .finally(() => this.#turns.delete(id));
    this.#turns.set(id, { userId, done });
  }

  #warn(cause: unknown): void {
    if (!this.#stop.signal.aborted) this.#deps.logger.warn("webhooks_failing", errorFields(cause));
  }

  /** Stops. A delivery in flight ends without a record, so it is repeated later. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all([...this.#turns.values()].map(({ done }) => done));
  }
}
