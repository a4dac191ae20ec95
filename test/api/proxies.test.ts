import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type Client, newAccount } from "../support/client.ts";
import { type Nginx, nginxMissing, startNginx } from "../support/nginx.ts";
import { startRegistry, type TestRegistry, tracesOf } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";

/*
 * Refusals before the body was read. A proxy or client that writes its whole request before it
 * reads must get the registry's answer, and not a reset connection.
 */

if (nginxMissing !== undefined) console.log(`Not tested through a proxy: ${nginxMissing}.`);

const TIMES = 2;
const SIZES = [300_000, 22_000_000];

let registry: TestRegistry;
let nginx: Nginx | undefined;
let publisher: Client;
let reader: Client;

beforeAll(async () => {
  registry = await startRegistry("sqlite", { env: { ARCHIVE_MAX_BYTES: "100000" } });
  publisher = await newAccount(registry);
  reader = await withToken(publisher, ["read"]);
  if (nginxMissing === undefined) nginx = await startNginx(registry.url);
});
afterAll(async () => {
  await nginx?.stop();
  await registry.stop();
});

const FORM = "multipart/form-data; boundary=cut";

/** What is refused, by the status that the client must get. */
const REFUSED: Readonly<Record<number, () => readonly [line: string, token: string | undefined, type: string]>> = {
  401: () => ["POST /api/packages", "wrong", FORM],
  403: () => ["POST /api/packages", reader.token, FORM],
  404: () => ["POST /api/nothing", publisher.token, FORM],
  405: () => ["PUT /api/packages", publisher.token, FORM],
  413: () => ["POST /api/packages", publisher.token, FORM],
  415: () => ["POST /api/packages", publisher.token, "application/octet-stream"],
};

/** How a request says that its connection ends with the response. */
const MANNERS: Readonly<Record<string, readonly [version: string, lines: readonly string[]]>> = {
  "HTTP/1.0": ["1.0", []],
  "Connection: close": ["1.1", ["Connection: close"]],
};

/** Sends a request to its last byte, and only then listens. Returns the first line. */
function sendWhole(url: string, head: string, body: Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((answered) => {
    const socket = connect(Number(port), hostname);
    let text = "";
    socket.pause();
    socket.on("error", (cause) => answered(`failed: ${cause.message}`));
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (!/\r\n\r\n.*"requestId"/s.test(text)) return;
      answered(text.split("\r\n", 1)[0] ?? "");
      socket.destroy();
    });
    socket.on("close", () => answered(`closed after: ${text.slice(0, 100)}`));
    socket.write(head);
    socket.write(body, () => socket.resume());
  });
}

function headOf(status: number, size: number, version: string, lines: readonly string[]): string {
  const [line = "", token, type] = REFUSED[status]?.() ?? [];
  return [
    `${line} HTTP/${version}`,
    "Host: registry.test",
    `Authorization: Bearer ${token}`,
    `Content-Type: ${type}`,
    `Content-Length: ${size}`,
    ...lines,
    "\r\n",
  ].join("\r\n");
}

async function expectRefusals(url: string, status: number, version: string, lines: readonly string[]): Promise<void> {
  for (const size of SIZES) {
    for (let time = 0; time < TIMES; time += 1) {
      const answer = await sendWhole(url, headOf(status, size, version, lines), Buffer.alloc(size, "x"));
      expect([size, answer.split(" ", 2)]).toEqual([size, ["HTTP/1.1", String(status)]]);
    }
  }
}

describe.each(Object.keys(REFUSED).map(Number))("a refusal with %d before the body", (status) => {
  test.each(Object.entries(MANNERS))(
    "reaches a client of %s that reads only after it has sent all",
    async (_, manner) => {
      const before = await tracesOf(registry);
      await expectRefusals(registry.url, status, ...manner);
      expect(await tracesOf(registry)).toEqual(before);
    },
  );

  test.skipIf(nginxMissing !== undefined)("passes through nginx with its defaults", async () => {
    await expectRefusals(nginx?.url ?? "", status, "1.1", []);
  });
});

/** A body in chunks of a megabyte, after a first one that is whole. */
function chunkedBody(first: string, size: number): Buffer {
  const chunk = (bytes: Uint8Array) =>
    Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
  const chunks = Array.from({ length: Math.ceil(size / 1_000_000) }, () => chunk(Buffer.alloc(1_000_000, "x")));
  return Buffer.concat([chunk(Buffer.from(first)), ...chunks, Buffer.from("0\r\n\r\n")]);
}

describe("a refusal in the middle of a body", () => {
  const form = '--cut\r\nContent-Disposition: form-data; name="archive"; filename="x"\r\n\r\n';
  test.each([
    ["a login that is too large", 413, "POST /api/auth/login", "application/json", "{"],
    ["a form that is too large", 413, "POST /api/packages", FORM, form],
  ] as const)("reaches the client: %s", async (_, status, line, type, first) => {
    const fields = ["Host: registry.test", `Content-Type: ${type}`, `Authorization: Bearer ${publisher.token}`];
    const head = [`${line} HTTP/1.1`, ...fields, "Transfer-Encoding: chunked", "Connection: close", "\r\n"].join(
      "\r\n",
    );
    for (const url of nginx === undefined ? [registry.url] : [registry.url, nginx.url]) {
      const answer = await sendWhole(url, head, chunkedBody(first, 15_000_000));
      expect([url, answer.split(" ", 2)]).toEqual([url, ["HTTP/1.1", String(status)]]);
    }
  });
});
