import type { Snapshot } from "../metrics/snapshot.ts";

/** What `/metrics` needs of a process that is one of several. */
export interface HealthServices {
  /**
   * Returns the sum of the metrics of all processes that share the port. Undefined if there is only
   * this one.
   */
  readonly summedMetrics?: (() => Promise<Snapshot>) | undefined;
}
