import { connect } from "node:net";

/* A client that sends bytes as they are, and as slowly as it likes. No library would. */

/** What came back on a connection. */
export interface Heard {
  /** The status of every answer, in their order. */
  readonly answers: readonly number[];
  readonly text: string;
  /** The server ended the connection. */
  readonly isClosed: boolean;
  readonly ms: number;
}

export interface Manner {
  /** Sent again and again after the first bytes. */
  readonly drip?: string;
  readonly everyMs?: number;
  /** Announces that nothing more will come (FIN), and keeps listening. */
  readonly isHalfClosed?: boolean;
  /** Hangs up after this time. */
  readonly maxMs?: number;
}

/**
 * Sends bytes, one for each character, on a new connection, and listens until the server ends it.
 */
export async function talk(url: string, bytes: string, manner: Manner = {}): Promise<Heard> {
  const { drip, everyMs = 100, isHalfClosed = false, maxMs = 4_000 } = manner;
  const startedMs = performance.now();
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let text = "";
  let isClosed = false;
  socket.on("data", (piece) => {
    text += piece.toString("latin1");
  });
  // A connection that is reset while bytes are on their way counts as closed.
  socket.on("error", () => undefined);
  const closed = new Promise<void>((done) => {
    const end = () => {
      isClosed = true;
      done();
    };
    socket.on("end", end).on("close", end);
  });
  if (bytes !== "") socket.write(bytes, "latin1");
  if (isHalfClosed) socket.end();
  const dripping = drip === undefined ? undefined : setInterval(() => socket.write(drip, "latin1"), everyMs);
  const late = Promise.withResolvers<void>();
  const hangUp = setTimeout(late.resolve, maxMs);
  await Promise.race([closed, late.promise]);
  clearTimeout(hangUp);
  clearInterval(dripping);
  socket.destroy();
  const answers = [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map((match) => Number(match[1]));
  return { answers, text, isClosed, ms: performance.now() - startedMs };
}
