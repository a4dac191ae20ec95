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

/**
 * A wait is measured in steps of this length. A step that ends much later than planned was not
 * spent waiting for the client: this process was stopped (SIGSTOP, a paused virtual machine) or
 * busy.
 */
const STEP_MS = 1_000;
const LATE_MS = 500;

/**
 * Waits for bytes from a client, which may be too slow or disconnect. Returns them and how long the
 * client took. Pauses of this process do not count.
 */
async function receive<T>(
  maxMs: number,
  coming: Promise<T>,
): Promise<{ readonly value: T; readonly waitedMs: number }> {
  let waitedMs = 0;
  for (;;) {
    const stepMs = Math.min(STEP_MS, maxMs - waitedMs);
    const startedMs = performance.now();
    const elapsedMs = () => {
      const ms = performance.now() - startedMs;
      return ms > stepMs + LATE_MS ? 0 : ms;
    };
    try {
      return { value: await withTimeout(stepMs, coming), waitedMs: waitedMs + elapsedMs() };
    } catch (cause) {
      const isTimeout = cause instanceof DOMException && cause.name === "TimeoutError";
      if (!isTimeout) throw failure({ code: "malformed_body", reason: ENDED_EARLY });
      waitedMs += elapsedMs();
      if (waitedMs >= maxMs) throw failure({ code: "request_timeout" });
    }
  }
}

const ENDED_EARLY = "The body ended early. Send the request again.";

/**
 * Yields the chunks of a request body. Throws `request_timeout` if the client sends too slowly, and
 * `malformed_body` if it disconnects in the middle: both are faults of the client and no errors of
 * this server. Only time that was spent waiting for the client counts. If the loop is left early,
 * the rest of the body stays in the request's context, for the server to read before it answers.
 */
export async function* chunksOf(request: Request): AsyncGenerator<Uint8Array> {
  const context = contextOf(request);
  const { connection } = context;
  const { graceMs, bytesPerSecond } = connection.minDataRate;
  const allowedMs = (bytes: number) => (bytes / bytesPerSecond) * 1000;
  const declared = declaredBytes(request);
  if (declared <= SINGLE_READ_MAX_BYTES) {
    const maxMs = graceMs + allowedMs(declared);
    connection.extendIdleTimeout(maxMs);
    const { value: whole } = await receive(maxMs, request.bytes());
    if (whole.length > 0) yield whole;
    return;
  }
  if (request.body === null) return;
  const reader = request.body.getReader();
  let leftMs = graceMs;
  let isWaiting = true;
  try {
    for (;;) {
      const { value: next, waitedMs } = await receive(leftMs, reader.read());
      if (next.done) return;
      isWaiting = false;
      connection.extendIdleTimeout(graceMs);
      leftMs = Math.min(graceMs, leftMs + allowedMs(next.value.length) - waitedMs);
      yield next.value;
      isWaiting = true;
    }
  } finally {
    // Whoever left the loop after a chunk did not want the rest.
    if (isWaiting) await reader.cancel().catch(() => undefined);
    else context.unread = reader;
  }
}
