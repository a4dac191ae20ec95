import type { Counts } from "../runtime/logger.ts";

/* What `serve` and its workers send each other. Every message is JSON. */

/** How often each warning and error has happened, as pairs of event and count. */
export type CountPairs = readonly (readonly [event: string, count: number])[];

/** From `serve` to a worker. A worker answers a ping with a pong. */
export type ToWorker = { readonly kind: "ping" } | { readonly kind: "totals"; readonly counts: CountPairs };

/** From a worker to `serve`. `serve` answers `getTotals` with the totals of all workers. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "pong"; readonly counts: CountPairs }
  | { readonly kind: "getTotals" };

/** How long a worker waits for the totals. Then it reports its own counts. */
const TOTALS_MAX_MS = 3_000;

/** A worker's end of the channel to `serve`. */
export class ParentChannel {
  #waiting: ((counts: Counts) => void)[] = [];

  constructor(
    readonly send: (message: FromWorker) => void,
    readonly ownCounts: () => Counts,
  ) {}

  /** Takes a message of `serve`. */
  receive(message: ToWorker): void {
    if (message.kind === "ping") {
      this.send({ kind: "pong", counts: [...this.ownCounts()] });
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(new Map(message.counts));
  }

  /** Returns how often each warning and error has happened in all workers. */
  async totals(): Promise<Counts> {
    const { promise, resolve } = Promise.withResolvers<Counts>();
    this.#waiting.push(resolve);
    if (this.#waiting.length === 1) this.send({ kind: "getTotals" });
    const timer = setTimeout(() => resolve(this.ownCounts()), TOTALS_MAX_MS);
    return promise.finally(() => clearTimeout(timer));
  }
}
