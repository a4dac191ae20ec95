import type { Counts } from "../runtime/logger.ts";

/** What `/metrics` needs of a process that is one of several. */
export interface HealthServices {
  /**
   * Returns the counts of all processes that share the port. Undefined if there is only this one.
   */
  readonly totalCounts?: (() => Promise<Counts>) | undefined;
}
