import { failure } from "../errors.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { contextOf } from "./request-context.ts";

/**
 * A body that declares at most this length is read in one piece, because a stream costs as much as
 * checking a small form. Its progress cannot be seen, so it gets the time that all of its bytes may
 * take: 8 s more at most.
 */
const SINGLE_READ_MAX_BYTES = 64 * 1024;

/**
 * Returns the declared length of a body. NaN, which fails every comparison, if it declares none.
 */
export function declaredBytes(request: Request): number {
  return Number(request.headers.get("content-length") ?? Number.NaN);
}

/** Waits for bytes from a client, which may be too slow or disconnect. */
async function receive<T>(maxMs: number, coming: Promise<T>): Promise<T> {
  try {
    return await withTimeout(maxMs, coming);
  } catch (cause) {
    const isTimeout = cause instanceof DOMException && cause.name === "TimeoutError";
    throw failure(isTimeout ? { code: "request_timeout" } : { code: "malformed_body", reason: ENDED_EARLY });
  }
}

const ENDED_EARLY = "The body ended early. Send the request again.";

/**
 * Yields the chunks of a request body. Throws `request_timeout` if the client sends too slowly, and
 * `malformed_body` if it disconnects in the middle: both are faults of the client and no errors of
 * this server. Only time that was spent waiting for the client counts. Leaving the loop cancels the
 * body, so no more of it is read.
 */
export async function* chunksOf(request: Request): AsyncGenerator<Uint8Array> {
  const { connection } = contextOf(request);
  const { graceMs, bytesPerSecond } = connection.minDataRate;
  const allowedMs = (bytes: number) => (bytes / bytesPerSecond) * 1000;
  const declared = declaredBytes(request);
  if (declared <= SINGLE_READ_MAX_BYTES) {
    const maxMs = graceMs + allowedMs(declared);
    connection.extendIdleTimeout(maxMs);
    const whole = await receive(maxMs, request.bytes());
    if (whole.length > 0) yield whole;
    return;
  }
  if (request.body === null) return;
  const reader = request.body.getReader();
  let leftMs = graceMs;
  try {
    for (;;) {
      const startedMs = performance.now();
      const next = await receive(leftMs, reader.read());
      if (next.done) return;
      connection.extendIdleTimeout(graceMs);
      leftMs = Math.min(graceMs, leftMs + allowedMs(next.value.length) - (performance.now() - startedMs));
      yield next.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
