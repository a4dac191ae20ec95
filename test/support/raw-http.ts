/**
 * The part of an HTTP/1.1 server that the fake S3 needs, on bare sockets. `Bun.serve` and
 * `node:http` decide themselves when a connection ends and what its head says, but a fault has to
 * look on the wire exactly as ordered.
 */
import { createServer, type Socket } from "node:net";

export interface RequestHead {
  readonly method: string;
  /** Path and query as they were sent, not decoded. */
  readonly target: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** One request, and the means to answer it or not. */
export interface Exchange {
  readonly head: RequestHead;
  /** Undefined for a body without a length. */
  readonly contentLength: number | undefined;
  /** Waits for this many bytes of the body. Rejects if the client goes away before. */
  read(bytes: number): Promise<Uint8Array>;
  /**
   * Sends an answer. Its Content-Length is that of the whole body, even if only `bytes` of it are
   * sent.
   */
  send(answer: Answer, bytes?: number): Promise<void>;
  /** Ends the connection after the bytes sent so far (FIN). */
  close(): void;
  /** Ends the connection at once (RST). */
  reset(): void;
}

export interface RawServer {
  readonly port: number;
  /** Cuts all connections and stops listening. */
  stop(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1. If a handler rejects, its connection is cut. */
export async function serveRaw(handle: (exchange: Exchange) => Promise<void>): Promise<RawServer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    converse(socket, handle).catch(() => socket.destroy());
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed).listen(0, "127.0.0.1", listening);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The raw server has no port.");
  return {
    port: address.port,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        for (const socket of open) socket.destroy();
      }),
  };
}

async function converse(socket: Socket, handle: (exchange: Exchange) => Promise<void>): Promise<void> {
  const reader = new SocketReader(socket);
  while (!socket.destroyed) {
    const head = parseHead(await reader.takeHead());
    const exchange = exchangeOf(socket, reader, head);
    await handle(exchange);
    if (socket.writableEnded || socket.destroyed) return;
    if (head.headers.connection === "close") socket.end();
  }
}

function parseHead(text: string): RequestHead {
  const [line = "", ...lines] = text.split("\r\n");
  const [method = "", target = ""] = line.split(" ");
  const headers: Record<string, string> = {};
  for (const header of lines) {
    const colon = header.indexOf(":");
    const name = header.slice(0, colon).toLowerCase();
    const value = header.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]},${value}` : value;
  }
  return { method, target, headers };
}

function exchangeOf(socket: Socket, reader: SocketReader, head: RequestHead): Exchange {
  const length = head.headers["content-length"];
  const hasBody = head.method === "PUT" || head.method === "POST" || "transfer-encoding" in head.headers;
  return {
    head,
    contentLength: length === undefined ? (hasBody ? undefined : 0) : Number(length),
    read: (bytes) => reader.take(bytes),
    send: async (answer, bytes) => {
      const body = head.method === "HEAD" ? new Uint8Array() : answer.body;
      await write(socket, Buffer.from(headOf(answer), "latin1"));
      await write(socket, body.subarray(0, bytes ?? body.length));
    },
    close: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
  };
}

function headOf({ status, headers, body }: Answer): string {
  // A 204 has no length by definition.
  const all = status === 204 ? headers : { "Content-Length": String(body.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Status\r\n${lines.join("")}\r\n`;
}

function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((written, failed) => {
    socket.write(bytes, (error) => (error ? failed(error) : written()));
  });
}

/** The bytes that came in on a socket and were not taken yet. */
class SocketReader {
  #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #wake = () => {};

  constructor(socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  /** Reads the lines before the empty one. */
  async takeHead(): Promise<string> {
    for (;;) {
      const end = this.#joined().indexOf("\r\n\r\n");
      if (end >= 0) return (await this.take(end + 4)).subarray(0, end).toString("latin1");
      await this.#more();
    }
  }

  async take(bytes: number): Promise<Buffer> {
    while (this.#length < bytes) await this.#more();
    const joined = this.#joined();
    this.#chunks = [joined.subarray(bytes)];
    this.#length = joined.length - bytes;
    return joined.subarray(0, bytes);
  }

  #joined(): Buffer {
    const joined = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    const whole = joined ?? Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  async #more(): Promise<void> {
    if (this.#ended) throw new Error("The client went away.");
    await new Promise<void>((woken) => {
      this.#wake = woken;
    });
  }
}
