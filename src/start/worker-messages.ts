import { type Snapshot, sumOf } from "../metrics/snapshot.ts";

/* What `serve` and its workers send each other. Every message is JSON. */

/** From `serve` to a worker. A worker answers a ping with a pong. */
export type ToWorker = { readonly kind: "ping" } | { readonly kind: "totals"; readonly metrics: Snapshot };

/** From a worker to `serve`. `serve` answers `getTotals` with the totals of all workers. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "pong"; readonly metrics: Snapshot }
  | { readonly kind: "getTotals" };

/** How long a worker waits for the totals. Then it reports its own metrics. */
const TOTALS_MAX_MS = 3_000;

/** A worker's end of the channel to `serve`. */
export class ParentChannel {
  #waiting: ((metrics: Snapshot) => void)[] = [];

  constructor(
    readonly send: (message: FromWorker) => void,
    readonly ownMetrics: () => Promise<Snapshot>,
  ) {}

  /** Takes a message of `serve`. */
  async receive(message: ToWorker): Promise<void> {
    if (message.kind === "ping") {
      this.send({ kind: "pong", metrics: await this.ownMetrics() });
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(message.metrics);
  }

  /** Returns the sum of the metrics of all workers. */
  async totals(): Promise<Snapshot> {
    const { promise, resolve } = Promise.withResolvers<Snapshot>();
    this.#waiting.push(resolve);
    if (this.#waiting.length === 1) this.send({ kind: "getTotals" });
    const timer = setTimeout(async () => resolve(await sumOf([await this.ownMetrics()])), TOTALS_MAX_MS);
    return promise.finally(() => clearTimeout(timer));
  }
}
