import type { Deps } from "../deps.ts";
import { errorFields } from "../runtime/logger.ts";
import { type DueWebhook, Lanes } from "./lanes.ts";
import { resealSecrets } from "./reseal-secrets.ts";
import { type DeliverDeps, takeTurn } from "./take-turn.ts";
import { findDue } from "./turns.ts";

const POLL_MS = 1_000;

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
  readonly #lanes = new Lanes();
  /** The turns of this process. */
  readonly #turns = new Set<Promise<void>>();
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
      for (const webhook of await findDue(this.#deps)) {
        if (this.#stop.signal.aborted) return;
        if (this.#lanes.enter(webhook, performance.now())) this.#begin(webhook);
      }
    } catch (cause) {
      this.#warn(cause);
    }
  }

  #begin({ id }: DueWebhook): void {
    const turn = takeTurn(this.#deps, this.#holder, id, this.#stop.signal)
      .catch((cause) => {
        this.#warn(cause);
        return 0;
      })
      .then((lastMs) => {
        this.#lanes.leave(id, lastMs, performance.now());
        this.#turns.delete(turn);
      });
    this.#turns.add(turn);
  }

  #warn(cause: unknown): void {
    if (!this.#stop.signal.aborted) this.#deps.logger.warn("webhooks_failing", errorFields(cause));
  }

  /** Stops. A delivery in flight ends without a record, so it is repeated later. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all(this.#turns);
  }
}
