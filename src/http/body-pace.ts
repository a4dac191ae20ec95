import { failure } from "../errors.ts";
import { withTimeout } from "../runtime/timeout.ts";

/* How bodies come in: as fast as their clients send, but not as slowly as they like. */

/** What a body must keep up with: it may fall `graceMs` behind `bytesPerSecond`, and no more. */
export interface Pace {
  readonly graceMs: number;
  readonly bytesPerSecond: number;
}

/** A body may stall for half a minute, and come over the slowest of modems. */
export const PACE: Pace = { graceMs: 30_000, bytesPerSecond: 8 * 1024 };

/** The rules for a request's body, and `waitsFor`, which tells its connection how long it may say nothing from now on. */
interface Arrival {
  readonly pace: Pace;
  waitsFor(ms: number): void;
}

/**
 * A body that says to be this small is read at once: a stream of it costs as much as looking through a small form. How much of
 * it came is not seen, so it has all the time that all of its bytes are worth: 8 s more at most.
 */
const AT_ONCE_MAX_BYTES = 64 * 1024;

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

/** How long a body says to be; NaN, which is on neither side of any bound, where it does not say. */
export function declaredBytes(request: Request): number {
  return Number(request.headers.get("content-length") ?? Number.NaN);
}

/** Waits for a client, who may be too slow or go away. */
async function arriving<T>(maxMs: number, coming: Promise<T>): Promise<T> {
  try {
    return await withTimeout(maxMs, coming);
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === "TimeoutError";
    throw failure(late ? { code: "request_timeout" } : { code: "malformed_body", reason: "The body ended early." });
  }
}

/**
 * The chunks of a request's body. A client who is too slow is `request_timeout`, one who goes away in the middle is
 * `malformed_body`: their fault, and no error of this server. Only time that was spent waiting for the client counts.
 * Leaving the loop cancels the body, so nothing more of it is read.
 */
export async function* chunksOf(request: Request): AsyncGenerator<Uint8Array> {
  const { pace, waitsFor } = arrivals.get(request) ?? { pace: PACE, waitsFor: () => undefined };
  const worthMs = (bytes: number) => (bytes / pace.bytesPerSecond) * 1000;
  const declared = declaredBytes(request);
  if (declared <= AT_ONCE_MAX_BYTES) {
    const maxMs = pace.graceMs + worthMs(declared);
    waitsFor(maxMs);
    const whole = await arriving(maxMs, request.bytes());
    if (whole.length > 0) yield whole;
    return;
  }
  if (request.body === null) return;
  const reader = request.body.getReader();
  let leftMs = pace.graceMs;
  try {
    for (;;) {
      const startedMs = performance.now();
      const next = await arriving(leftMs, reader.read());
      if (next.done) return;
      waitsFor(pace.graceMs);
      leftMs = Math.min(pace.graceMs, leftMs + worthMs(next.value.length) - (performance.now() - startedMs));
      yield next.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
