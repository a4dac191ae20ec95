import { createHash, randomBytes } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { downloadPath, type SignedArchive } from "./archives.ts";

/*
 * A client on plain sockets. It sends bodies from files and discards what it receives, so that a
 * hundred transfers of 20 MB cost the bench next to nothing, and a slow reader really makes the
 * server wait.
 */

/** How a transfer ended. A `status` of 0 means that the connection ended without an answer. */
export interface Transfer {
  readonly status: number;
  readonly bytes: number;
  /** Bytes of the body that arrived. */
  readonly digest: string;
  /** The beginning of the body, to report an error. */
  readonly text: string;
}

const TEXT_BYTES = 500;
const HEAD_END = "\r\n\r\n";

/** Parses an answer while its bytes arrive. */
class Answer {
  status = 0;
  bytes = 0;
  text = "";
  #head = Buffer.alloc(0);
  #length = Number.POSITIVE_INFINITY;
  readonly #hash = createHash("sha256");

  take(chunk: Buffer): void {
    if (this.status === 0) this.#takeHead(chunk);
    else this.#takeBody(chunk);
  }

  #takeHead(chunk: Buffer): void {
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf(HEAD_END);
    if (end === -1) return;
    const head = this.#head.toString("latin1", 0, end);
    this.status = Number(head.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
    this.#length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.POSITIVE_INFINITY);
    this.#takeBody(this.#head.subarray(end + HEAD_END.length));
  }

  #takeBody(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
    if (this.text.length < TEXT_BYTES && this.status >= 300) this.text += chunk.toString();
  }

  get isComplete(): boolean {
    return this.status !== 0 && this.bytes >= this.#length;
  }

  end(): Transfer {
    return { status: this.status, bytes: this.bytes, digest: this.#hash.digest("hex"), text: this.text };
  }
}

/**
 * Opens a connection, lets `send` write the request, and reads the answer until it is complete or
 * the connection ends.
 */
async function exchange(port: number, send: (socket: Socket) => Promise<void>): Promise<Transfer> {
  const socket = connect(port, "127.0.0.1");
  const answer = new Answer();
  const ended = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      answer.take(chunk);
      if (answer.isComplete) resolve();
    });
    // A broken connection ends the transfer. The bytes received before say why.
    socket.on("error", () => resolve());
    socket.on("close", () => resolve());
  });
  await Promise.race([send(socket), ended]);
  await ended;
  socket.destroy();
  return answer.end();
}

async function write(socket: Socket, bytes: string | Uint8Array): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("drain", resolve).on("close", resolve);
  await promise;
  socket.off("drain", resolve).off("close", resolve);
}

/** Publishes an archive from a file. */
export function publishFile(port: number, token: string, file: string, archive: SignedArchive): Promise<Transfer> {
  const boundary = `bench-${randomBytes(16).toString("hex")}`;
  const field = (name: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const before =
    field("signature", archive.signature) +
    field("publicKey", archive.publicKey) +
    `--${boundary}\r\nContent-Disposition: form-data; name="archive"; filename="package.cpm"\r\n\r\n`;
  const after = `\r\n--${boundary}--\r\n`;
  const length = before.length + statSync(file).size + after.length;
  const head = [
    "POST /api/packages HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
    `Content-Type: multipart/form-data; boundary=${boundary}`,
    `Content-Length: ${length}`,
    "Connection: close",
  ].join("\r\n");
  return exchange(port, async (socket) => {
    await write(socket, head + HEAD_END + before);
    for await (const chunk of createReadStream(file)) {
      if (socket.destroyed) return;
      await write(socket, chunk);
    }
    await write(socket, after);
  });
}

function getRequest(port: number, name: string): string {
  return `GET ${downloadPath(name)} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close${HEAD_END}`;
}

/** Downloads an archive and keeps only its digest. */
export function download(port: number, name: string): Promise<Transfer> {
  return exchange(port, (socket) => write(socket, getRequest(port, name)));
}

/** Downloads an archive slowly, one chunk in each `pauseMs`, and hangs up after `forMs`. */
export function downloadSlowly(port: number, name: string, pauseMs: number, forMs: number): Promise<Transfer> {
  return exchange(port, async (socket) => {
    socket.on("data", () => {
      socket.pause();
      setTimeout(() => socket.resume(), pauseMs);
    });
    await write(socket, getRequest(port, name));
    setTimeout(() => socket.destroy(), forMs);
  });
}
