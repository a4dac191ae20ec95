import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { newAccount } from "../support/client.ts";
import { startRegistry, type TestRegistry, tracesOf } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const events: { level: string; event: string; status: unknown }[] = [];
let registry: TestRegistry;
let token: string | undefined;

beforeAll(async () => {
  const at = (level: string) => (event: string, fields?: Readonly<Record<string, unknown>>) => {
    events.push({ level, event, status: fields?.status });
  };
  const logger = { logsRequests: true, info: at("info"), warn: at("warn"), error: at("error"), counts: new Map() };
  registry = await startRegistry("sqlite", { override: () => ({ logger }) });
  token = (await newAccount(registry)).token;
});
afterAll(async () => registry.stop());

/**
 * Sends the beginning of a request with more announced, lets `arrived` see it come in, and breaks
 * the connection.
 */
async function breakOff(
  path: string,
  type: string,
  beginning: Buffer,
  arrived: () => Promise<unknown>,
  announcedBytes = 50_000,
): Promise<void> {
  const socket = connect(Number(new URL(registry.url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  const head = `POST ${path} HTTP/1.1\r\nHost: x.test\r\nAuthorization: Bearer ${token}\r\n`;
  socket.write(`${head}Content-Type: ${type}\r\nContent-Length: ${announcedBytes}\r\n\r\n`);
  socket.write(beginning);
  await arrived();
  events.length = 0;
  socket.destroy();
  await waitUntil(() => events.some(({ event }) => event === "request"), "the request is logged");
}

test("a client that disconnects during an upload causes no server error and leaves nothing", async () => {
  const before = await tracesOf(registry);
  const part = '--cut\r\nContent-Disposition: form-data; name="archive"; filename="x"\r\n\r\n';
  const beginning = Buffer.concat([Buffer.from(part), new Uint8Array(20_000)]);
  const isReceived = () =>
    waitUntil(async () => (await tracesOf(registry)).files.length > before.files.length, "the file begins to arrive");
  await breakOff("/api/packages", "multipart/form-data; boundary=cut", beginning, isReceived, 500_000);
  expect(events).toEqual([{ level: "info", event: "request", status: 400 }]);
  expect(await tracesOf(registry)).toEqual(before);
});

test("a client that disconnects during a JSON body causes no server error", async () => {
  const login = Buffer.from('{"username":"somebody","password":"');
  // Half a JSON body leaves no trace outside the server to wait for.
  await breakOff("/api/auth/login", "application/json", login, () => Bun.sleep(100));
  expect(events).toEqual([{ level: "info", event: "request", status: 400 }]);
});
