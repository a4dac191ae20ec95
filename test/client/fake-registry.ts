import { createServer, type Socket } from "node:net";

/* A registry, or what stands in its place, that answers badly. */

/** What is sent for one request. `undefined` sends nothing and keeps the connection open. */
export type Reply = (request: string, at: number) => string | Buffer | undefined | "cut";

/** A running fake, and what it was asked. */
export interface FakeRegistry {
  readonly url: string;
  readonly requests: readonly string[];
  stop(): void;
}

/** Formats an answer of HTTP. */
export function answer(status: number, body: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(body)),
    Connection: "close",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Status\r\n${lines.join("")}\r\n${body}`;
}

/** A problem as a registry answers it. */
export function problem(status: number, code: string, headers?: Readonly<Record<string, string>>): string {
  const body = {
    type: `/problems/${code}`,
    title: "Title",
    status,
    code,
    detail: `The detail of ${code}.`,
    requestId: "r",
  };
  return answer(status, JSON.stringify(body), { "Content-Type": "application/problem+json", ...headers });
}

/** Starts a server that gives the replies of `reply`. */
export async function fakeRegistry(reply: Reply): Promise<FakeRegistry> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let received = "";
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      const end = received.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (end === -1 || received.length < end + 4 + length) return;
      requests.push(received);
      const sent = reply(received, requests.length);
      received = "";
      if (sent === "cut") socket.destroy();
      else if (sent !== undefined) socket.end(sent);
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
