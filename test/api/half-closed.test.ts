import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, publishForm, sha256, signMessage, statementOf } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

/*
 * A client that half-closes says that it sends no more, and waits for the answer (nc -N, some
 * health checks). Bun 1.4.5 closes such a connection unless the whole answer is in memory when it
 * reads the client's end. So large archives are cut, and a publish gets no answer. Whoever repeats
 * the publish loses nothing.
 */

const key = makeKey();
let registry: TestRegistry;
let publisher: Client;
const noise = crypto.getRandomValues(new Uint8Array(60_000));
const archive = makePackage({ name: "half", version: "1.0.0", files: { "noise.bin": noise } });

beforeAll(async () => {
  registry = await startRegistry("sqlite");
  publisher = await newAccount(registry);
  expect((await publisher.publish("half", "1.0.0", archive, key)).status).toBe(201);
});
afterAll(async () => registry.stop());

/** Sends bytes and the end of the connection at once. Returns everything that comes back. */
function sendAndEnd(bytes: string | Uint8Array): Promise<Buffer> {
  const { hostname, port } = new URL(registry.url);
  return new Promise((done, failed) => {
    const pieces: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.on("data", (piece: Buffer) => pieces.push(piece));
    socket.on("end", () => {
      socket.destroy();
      done(Buffer.concat(pieces));
    });
    socket.on("error", failed);
    socket.end(bytes);
  });
}

test.each(["/health/live", "/api/packages", "/api/packages/half", "/swagger/json", "/log/checkpoint"])(
  "a client that half-closes after its request gets the whole answer to %s",
  async (path) => {
    const answer = (await sendAndEnd(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)).toString("latin1");
    const [head = "", body = ""] = answer.split("\r\n\r\n", 2);
    expect(head).toStartWith("HTTP/1.1 200 ");
    expect(body.length).toBe(Number(/content-length: (\d+)/i.exec(head)?.[1]));
  },
);

test("a client that half-closes after its request gets a whole archive of up to 1 MiB that is in the cache", async () => {
  expect((await publisher.get("/api/packages/half/1.0.0/download")).status).toBe(200);
  const answer = await sendAndEnd("GET /api/packages/half/1.0.0/download HTTP/1.1\r\nHost: x\r\n\r\n");
  expect(sha256(answer.subarray(answer.indexOf("\r\n\r\n") + 4))).toBe(sha256(archive));
});

test("a publish of a client that half-closes is recorded, and repeating it answers 200", async () => {
  const next = makePackage({ name: "half", version: "1.1.0" });
  const fields = { archive: next, signature: signMessage(key, statementOf("half", "1.1.0", next)) };
  const form = new Response(publishForm({ ...fields, publicKey: key.publicHex }));
  const type = form.headers.get("content-type");
  const body = Buffer.from(await form.bytes());
  const head = `POST /api/packages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${publisher.token}\r\n`;
  const rest = `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
  await sendAndEnd(Buffer.concat([Buffer.from(head + rest), body]));
  const isRecorded = async () => (await publisher.get("/api/packages/half/1.1.0")).status === 200;
  await waitUntil(isRecorded, "the version is recorded");
  expect((await publisher.publish("half", "1.1.0", next, key)).status).toBe(200);
});
