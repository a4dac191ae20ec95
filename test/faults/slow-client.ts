import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";

/* A slow HTTP client on a bare connection, because clients of a library buffer as they like. */

const HEAD_END = "\r\n\r\n";

/**
 * A whole response. The body is represented by its digest, because many large ones would not fit
 * into memory.
 */
export interface Answered {
  readonly status: number;
  readonly sha256: string;
}

/** A request on its own connection. */
export interface SlowRequest {
  /** Sends bytes, and resolves once the kernel has them. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Resolves once the first bytes of the response have come. The rest waits in the connection. */
  readonly begun: Promise<void>;
  /** Reads the response to its end. Rejects if the connection ends before. */
  answer(): Promise<Answered>;
}

/** The head of a request that asks the server to close the connection after the response. */
export function headOf(method: string, path: string, headers: Readonly<Record<string, string>> = {}): string {
  const fields = { host: "127.0.0.1", connection: "close", ...headers };
  return [`${method} ${path} HTTP/1.1`, ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`)]
    .join("\r\n")
    .concat(HEAD_END);
}

async function readAnswer(socket: Socket, early: readonly Buffer[], closed: Promise<void>): Promise<Answered> {
  const hash = createHash("sha256");
  let head = "";
  let bytes = 0;
  const take = (piece: Buffer): void => {
    if (head.includes(HEAD_END)) {
      bytes += piece.length;
      hash.update(piece);
      return;
    }
    const text = head + piece.toString("latin1");
    const end = text.indexOf(HEAD_END);
    head = end < 0 ? text : text.slice(0, end + HEAD_END.length);
    if (end >= 0) take(Buffer.from(text.slice(head.length), "latin1"));
  };
  for (const piece of early) take(piece);
  socket.on("data", take);
  socket.resume();
  await closed;
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
  if (bytes !== length) throw new Error(`The connection ended after ${bytes} of ${length} bytes: ${head}`);
  return { status: Number(head.split(" ")[1]), sha256: hash.digest("hex") };
}

/** Connects and sends `start`, which may be less than a whole request. */
export async function slowRequest(port: number, start: string | Uint8Array): Promise<SlowRequest> {
  const socket = connect(port, "127.0.0.1");
  await new Promise<void>((done, reject) => socket.once("connect", done).once("error", reject));
  const early: Buffer[] = [];
  const closed = new Promise<void>((done, reject) => socket.once("close", done).once("error", reject));
  closed.catch(() => undefined);
  const begun = new Promise<void>((done) =>
    socket.once("data", (piece: Buffer) => {
      socket.pause();
      early.push(piece);
      done();
    }),
  );
  const write = (bytes: string | Uint8Array) =>
    new Promise<void>((done, reject) => socket.write(bytes, (error) => (error ? reject(error) : done())));
  await write(start);
  return {
    write,
    begun,
    async answer() {
      await Promise.race([begun, closed]);
      return readAnswer(socket, early, closed);
    },
  };
}
