import { failure } from "../errors.ts";
import { within } from "../within.ts";

/* How bodies come in: as fast as their clients send, but not as slowly as they like. */

/** What a body must keep up with: it may fall `graceMs` behind `bytesPerSecond`, and no more. */
export interface Pace {
  readonly graceMs: number;
  readonly bytesPerSecond: number;
}

/** A body may stall for half a minute, and come over the slowest of modems. */
export const PACE: Pace = { graceMs: 30_000, bytesPerSecond: 8 * 1024 };

/** The rules for a request's body, and `heard`, which tells its connection that some of it came. */
interface Arrival {
  readonly pace: Pace;
  heard(): void;
}

const arrivals = new WeakMap<Request, Arrival>();

/** Remembers how the body of a request has to come. */
export function keepArrival(request: Request, arrival: Arrival): void {
  arrivals.set(request, arrival);
}

/** Gives a rewritten request the rules of the one it stands for. */
export function copyArrival(from: Request, to: Request): void {
  const arrival = arrivals.get(from);
  if (arrival !== undefined) arrivals.set(to, arrival);
}

/**
 * The chunks of a request's body. A client who is too slow is `request_timeout`, one who goes away in the middle is
 * `malformed_body`: their fault, and no error of this server. Only time that was spent waiting for the client counts.
 * Leaving the loop cancels the body, so nothing more of it is read.
 */
export async function* chunksOf(request: Request): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const { pace, heard } = arrivals.get(request) ?? { pace: PACE, heard: () => undefined };
  const reader = request.body.getReader();
  let leftMs = pace.graceMs;
  try {
    for (;;) {
      const startedMs = performance.now();
      const next = await within(leftMs, reader.read()).catch((cause: unknown) => {
        const late = cause instanceof DOMException && cause.name === "TimeoutError";
        throw failure(late ? { code: "request_timeout" } : { code: "malformed_body", reason: "The body ended early." });
      });
      if (next.done) return;
      heard();
      const gainedMs = (next.value.length / pace.bytesPerSecond) * 1000;
      leftMs = Math.min(pace.graceMs, leftMs + gainedMs - (performance.now() - startedMs));
      yield next.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
