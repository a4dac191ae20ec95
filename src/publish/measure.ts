import type { Deps } from "../deps.ts";
import { Failure } from "../errors.ts";
import { statusOf } from "../http/problem.ts";
import type { PUBLISH_OUTCOMES, PublishPhase } from "../metrics/metrics.ts";

/**
 * Measures how long a publish spends in each phase. A phase may have several parts: `record` counts
 * their sum once.
 */
export class PublishTimer {
  readonly #seconds = new Map<PublishPhase, number>();

  constructor(readonly deps: Pick<Deps, "metrics" | "tracer">) {}

  /** Runs a part of a phase. */
  async run<T>(phase: PublishPhase, part: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    try {
      const { tracer } = this.deps;
      return await (tracer === undefined ? part() : tracer.span(`publish ${phase}`, {}, part));
    } finally {
      const seconds = (performance.now() - startedMs) / 1000;
      this.#seconds.set(phase, (this.#seconds.get(phase) ?? 0) + seconds);
    }
  }

  /** Adds the phases so far to the metrics. */
  record(): void {
    for (const [phase, seconds] of this.#seconds) this.deps.metrics.publishPhases.observe({ phase }, seconds);
  }
}

function outcomeOf(cause: unknown): (typeof PUBLISH_OUTCOMES)[number] {
  return cause instanceof Failure && statusOf(cause.error.code).status < 500 ? "refused" : "error";
}

/** Runs a publish and adds to the metrics how long its phases took, and how it ended if it failed. */
export async function measurePublish<T>(
  deps: Pick<Deps, "metrics" | "tracer">,
  work: (timer: PublishTimer) => Promise<T>,
): Promise<T> {
  const timer = new PublishTimer(deps);
  try {
    return await work(timer);
  } catch (cause) {
    deps.metrics.publishes.inc({ outcome: outcomeOf(cause) });
    throw cause;
  } finally {
    timer.record();
  }
}
