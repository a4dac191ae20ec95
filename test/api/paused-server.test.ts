import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { newAccount } from "../support/client.ts";
import { startRegistry, type TestRegistry, tracesOf } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

/*
 * A virtual machine that is paused, or a process that is stopped, does not read. Its clients are
 * not at fault. Here the event loop is blocked, which looks the same to the server.
 */

const MIN_DATA_RATE = { graceMs: 400, bytesPerSecond: 1_000 };
const PAUSE_MS = 2_500;
const BODY_BYTES = 500_000;

let registry: TestRegistry;
let token: string | undefined;

beforeAll(async () => {
  registry = await startRegistry("sqlite", { timeouts: { idleSeconds: 60, minDataRate: MIN_DATA_RATE } });
  token = (await newAccount(registry)).token;
});
afterAll(async () => registry.stop());

/** Sends half of an upload, pauses the server, sends the rest, and returns the answer. */
async function uploadOverPause(): Promise<string> {
  const { hostname, port } = new URL(registry.url);
  const socket = connect(Number(port), hostname);
  const answer = new Promise<string>((done, failed) => {
    socket.once("data", (bytes) => done(bytes.toString("latin1"))).once("error", failed);
  });
  const before = await tracesOf(registry);
  const head = `POST /api/packages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`;
  const start = '--cut\r\nContent-Disposition: form-data; name="archive"; filename="x"\r\n\r\n';
  const end = "\r\n--cut--\r\n";
  const type = "Content-Type: multipart/form-data; boundary=cut\r\n";
  socket.write(`${head}${type}Content-Length: ${BODY_BYTES}\r\n\r\n${start}${"x".repeat(100_000)}`);
  const isReceived = async () => (await tracesOf(registry)).files.length > before.files.length;
  await waitUntil(isReceived, "the file begins to arrive");
  Bun.sleepSync(PAUSE_MS);
  // Too little to make up for the pause, and the rest not at once.
  socket.write("x");
  await Bun.sleep(50);
  socket.write("x".repeat(BODY_BYTES - 100_001 - start.length - end.length) + end);
  return answer.finally(() => socket.destroy());
}

test("an upload that was sending when the server was paused for longer than a body may stall is read to its end", async () => {
  const answer = await uploadOverPause();
  expect(answer).toStartWith("HTTP/1.1 422 ");
  expect(answer).toContain('"path":"/signature"');
});
