import { type BodyReader, contextOf } from "./request-context.ts";

/** How long the server goes on reading before it answers a request whose body it did not read. */
export interface LingerTimes {
  /** The limit on a connection that ends with the response. */
  readonly closingMs: number;
  /**
   * The limit on a connection that seems to stay open. There Bun goes on reading after the
   * response.
   */
  readonly openMs: number;
  /** A client that sends nothing for this long waits for the response. */
  readonly silenceMs: number;
}

/** The times that every server uses. */
const LINGER_TIMES: LingerTimes = { closingMs: 30_000, openMs: 2_000, silenceMs: 2_000 };

const CHECK_MS = 100;

/** Returns a reader of the unread part of a body, or undefined if nothing is left. */
function unreadBody(request: Request): BodyReader | undefined {
  const { unread } = contextOf(request);
  if (unread !== undefined || request.bodyUsed) return unread;
  const { headers } = request;
  const declaresBody = headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > 0;
  return declaresBody ? request.body?.getReader() : undefined;
}

/**
 * Reads and discards the rest of a request body, for a bounded time. Bun closes a connection that
 * is not reused as soon as the response is written. If bytes of the client are still on their way,
 * the kernel resets the connection, and the client loses the response. Proxies such as nginx then
 * answer 502 in its place.
 *
 * The rest is read before the response is sent, because Bun reads nothing after it. HTTP/1.0 closes
 * without saying so, and Bun does not tell the version, so other connections get some time too.
 */
export async function readRest(request: Request, times: LingerTimes = LINGER_TIMES): Promise<void> {
  const reader = unreadBody(request);
  if (reader === undefined) return;
  const isClosing = /\bclose\b/i.test(request.headers.get("connection") ?? "");
  const maxMs = isClosing ? times.closingMs : times.openMs;
  const deadlineMs = performance.now() + maxMs;
  contextOf(request).connection.extendIdleTimeout(maxMs);
  // One timer for all reads: a race of each read with a timer of its own keeps what was read until
  // that timer ends, which was a gigabyte for an upload of 500 MB.
  let readMs = performance.now();
  const isOver = (nowMs: number) => nowMs >= deadlineMs || nowMs - readMs >= times.silenceMs;
  const cancel = () => reader.cancel().catch(() => undefined);
  const timer = setInterval(() => isOver(performance.now()) && cancel(), Math.min(CHECK_MS, times.silenceMs));
  try {
    while (performance.now() < deadlineMs && !(await reader.read()).done) readMs = performance.now();
  } catch {
    // The client has gone.
  } finally {
    clearInterval(timer);
    await cancel();
  }
}
