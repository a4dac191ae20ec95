import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { inArray } from "drizzle-orm";
import { newAccount } from "../support/client.ts";
import { type Manner, talk } from "../support/raw-client.ts";
import { startRegistry, type TestRegistry, tracesOf } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";
import { CHUNKS, chunked, FRAMING, formOf, HEADS, post, type Shape } from "./raw-http-shapes.ts";

/* Request smuggling and abuse on bare sockets. The tables list every response that may happen. */

const MIN_DATA_RATE = { graceMs: 400, bytesPerSecond: 1_000 };
/** Bun's timers go in steps of four seconds. */
const IDLE_SECONDS = 8;
const STEP_MS = 4_000;
/** Bun's own deadline for the head of a connection's first request, which cannot be set. */
const HEAD_MS = 12_000;
const AT_ONCE_MS = 2_000;

let registry: TestRegistry;
let token: string | undefined;

beforeAll(async () => {
  registry = await startRegistry("sqlite", { timeouts: { idleSeconds: IDLE_SECONDS, minDataRate: MIN_DATA_RATE } });
  token = (await newAccount(registry)).token;
});
afterAll(async () => registry.stop());

/** Returns which of these accounts exist. */
function made(names: readonly string[]): Promise<string[]> {
  return registry.deps.db.read(async ({ query, tables: { users } }) => {
    const rows = await query
      .select({ name: users.username })
      .from(users)
      .where(inArray(users.username, [...names]));
    return rows.map(({ name }) => name).sort();
  });
}

/** Reports whether another client, on another connection, is served as usual. */
async function isServed(): Promise<boolean> {
  const answer = await fetch(`${registry.url}/health/live`, { signal: AbortSignal.timeout(AT_ONCE_MS) });
  return answer.ok;
}

/** Every account that the tables allow. */
const allowed: string[] = [];
let shapes = 0;

async function expectExactly([answers, write, madeAnyway]: Shape): Promise<void> {
  shapes += 1;
  const at = String(shapes).padStart(3, "0");
  const names = [`carried-${at}`, `smuggled-${at}`] as const;
  const form = formOf(names[1]);
  const next = post([`Content-Length: ${form.length}`, "Connection: close"], form);
  const talking = talk(registry.url, write({ body: formOf(names[0]), next }));
  expect(await isServed()).toBe(true);
  const heard = await talking;
  expect(heard).toMatchObject({ answers, isClosed: true });
  expect(await isServed()).toBe(true);
  const right = names.filter((_, index) => answers[index] === 201 || (index === 0 && madeAnyway !== undefined));
  allowed.push(...right);
  // A registration continues after its connection was closed.
  await waitUntil(async () => (await made(names)).length >= right.length, "accepted accounts are made");
  expect(await made(names)).toEqual(right);
}

for (const [title, table] of Object.entries({ framing: FRAMING, chunks: CHUNKS, heads: HEADS })) {
  describe(`raw HTTP: ${title}`, () => {
    test.each(Object.entries(table))("%s is answered as listed, and smuggles no request", (_, shape) =>
      expectExactly(shape),
    );
  });
}

test("a smuggled registration is not executed later either", async () => {
  const all = Array.from({ length: shapes }, (_, at) => String(at + 1).padStart(3, "0"));
  expect(await made(all.flatMap((at) => [`carried-${at}`, `smuggled-${at}`]))).toEqual(allowed.toSorted());
});

const LOGIN = formOf("nobody");

function login(lines: readonly string[], body: string): string {
  return post(lines, body, "POST /api/auth/login HTTP/1.1");
}

function upload(length: number): string {
  return [
    "POST /api/packages HTTP/1.1",
    "Host: registry.test",
    `Authorization: Bearer ${token}`,
    "Content-Type: multipart/form-data; boundary=cut",
    `Content-Length: ${length}`,
    "",
    '--cut\r\nContent-Disposition: form-data; name="archive"; filename="x"\r\n\r\n',
  ].join("\r\n");
}

const SLOW_BODIES: Readonly<Record<string, readonly [() => string, string?]>> = {
  "JSON that stalls": [() => login(["Content-Length: 500"], "{")],
  "JSON that drips": [() => login(["Content-Length: 500"], "{"), " "],
  "JSON that never begins": [() => login(["Content-Length: 500"], "")],
  "chunks that drip": [() => login(["Transfer-Encoding: chunked"], ""), "1\r\n \r\n"],
  "a chunk's extension that drips": [() => login(["Transfer-Encoding: chunked"], "1;"), "a"],
  "chunks that never end": [() => login(["Transfer-Encoding: chunked"], chunked(LOGIN, undefined, "\r\n"))],
  "an upload that stalls": [() => upload(500_000)],
  "an upload that drips": [() => upload(500_000), "x"],
  "a small upload that stalls": [() => upload(500)],
  "a small upload that drips": [() => upload(500), "x"],
  "an upload that stalls after 100 KB": [() => upload(500_000) + "x".repeat(100_000)],
};

describe("slow clients", () => {
  test.each(Object.entries(SLOW_BODIES))(
    "%s: a body below the minimum rate gets 408 and leaves nothing",
    async (_, [start, drip]) => {
      const before = await tracesOf(registry);
      const talking = talk(registry.url, start(), drip === undefined ? {} : { drip });
      expect(await isServed()).toBe(true);
      const { answers, text, isClosed, ms } = await talking;
      expect({ answers, isClosed }).toEqual({ answers: [408], isClosed: true });
      expect(text).toContain('"code":"request_timeout"');
      expect(ms).toBeGreaterThanOrEqual(MIN_DATA_RATE.graceMs - 5);
      expect(ms).toBeLessThan(MIN_DATA_RATE.graceMs + AT_ONCE_MS);
      expect(await tracesOf(registry)).toEqual(before);
    },
  );

  /*
   * These tests wait for Bun's slow timers. They run concurrently, or the file would take a minute.
   */
  const LONG: Readonly<Record<string, readonly [answers: number[], maxMs: number, start: string, Manner?]>> = {
    "a connection without a byte": [[], HEAD_MS, ""],
    "a head that stalls": [[], HEAD_MS, "GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: "],
    "a head that drips": [[], HEAD_MS, "GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: ", { drip: "a" }],
    "headers that drip": [
      [],
      HEAD_MS,
      "GET /health/live HTTP/1.1\r\nHost: x\r\n",
      { drip: "X-A: b\r\n", everyMs: 500 },
    ],
    "a request line that drips": [[], HEAD_MS, "GET /", { drip: "a" }],
    "a second head that drips": [
      [200],
      IDLE_SECONDS * 1000,
      "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\nX-A: ",
      { drip: "a" },
    ],
    "a body that nobody reads, and drips": [
      [404],
      IDLE_SECONDS * 1000,
      post(["Content-Length: 500000"], "{", "POST /nowhere HTTP/1.1"),
      { drip: "a" },
    ],
    "a body that was refused, and drips": [
      [413],
      IDLE_SECONDS * 1000,
      login(["Content-Length: 4294967301"], "{"),
      { drip: "a" },
    ],
  };
  test.concurrent(
    "a slow client holds no connection for ever, whatever bytes it sends",
    async () => {
      const ended = Object.entries(LONG).map(async ([name, [answers, maxMs, start, manner]]) => {
        const heard = await talk(registry.url, start, { ...manner, maxMs: HEAD_MS + 2 * STEP_MS });
        expect([name, heard.answers, heard.isClosed]).toEqual([name, answers, true]);
        expect([name, heard.ms < maxMs + STEP_MS + AT_ONCE_MS]).toEqual([name, true]);
      });
      expect(await isServed()).toBe(true);
      await Promise.all(ended);
    },
    HEAD_MS + 3 * STEP_MS,
  );

  test.concurrent("an honest slow client is served, even if it takes longer than the idle timeout of Bun", async () => {
    const pieces = 100;
    const piece = " ".repeat(150);
    const body = login(["Connection: close", `Content-Length: ${LOGIN.length + pieces * piece.length}`], LOGIN);
    // Long enough for a busy machine, where the pieces arrive late.
    const minDataRate = { ...MIN_DATA_RATE, graceMs: 3_000 };
    const patient = await startRegistry("sqlite", { timeouts: { idleSeconds: IDLE_SECONDS, minDataRate } });
    const { answers, ms } = await talk(patient.url, body, { drip: piece, maxMs: 14_000 });
    await patient.stop();
    expect(answers).toEqual([401]);
    expect(ms).toBeGreaterThan((IDLE_SECONDS + 1) * 1000);
  }, 20_000);
});

describe("half-closed connections", () => {
  test.each([
    ["after a whole request are answered", "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", [200]],
    ["without a byte are closed", "", []],
    ["in a head are closed", "GET /health/live HTTP/1.1\r\nHos", []],
    ["in a body are closed", login(["Content-Length: 500"], LOGIN), []],
    ["in chunks are closed", login(["Transfer-Encoding: chunked"], chunked(LOGIN, undefined, "\r\n")), []],
  ])("%s", async (_, bytes, answers) => {
    const heard = await talk(registry.url, bytes, { isHalfClosed: true });
    expect(heard).toMatchObject({ answers, isClosed: true });
    expect(heard.ms).toBeLessThan(AT_ONCE_MS);
    expect(await isServed()).toBe(true);
  });
});
