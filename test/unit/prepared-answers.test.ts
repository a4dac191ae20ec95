import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Invalidations } from "../../src/db/invalidations.ts";
import { type Preparation, PreparedAnswers } from "../../src/http/response-cache.ts";
import { AnswerFile } from "../../src/http/spill-file.ts";

const directory = mkdtempSync(join(tmpdir(), "cpm-answers-"));
const opened: AnswerFile[] = [];

afterEach(() => {
  for (const file of opened.splice(0)) file.close();
});

function answerFile(maxBytes: number): AnswerFile {
  const file = new AnswerFile(join(directory, crypto.randomUUID()), maxBytes);
  opened.push(file);
  return file;
}

interface Options {
  readonly memoryMaxBytes?: number;
  readonly entriesMax?: number;
  readonly file?: AnswerFile;
}

function prepare({ memoryMaxBytes = 1_000_000, entriesMax, file }: Options = {}) {
  const invalidations = new Invalidations();
  const prepared = new PreparedAnswers(invalidations, file, memoryMaxBytes, entriesMax);
  invalidations.markFreshAt(performance.now());
  const request = (path: string, headers = {}) => new Request(`http://registry.test${path}`, { headers });
  const keep = (path: string, text: string, more: Partial<Preparation> = {}) => {
    const asked = request(path);
    prepared.offer(asked, { path, body: new TextEncoder().encode(text), generation: prepared.generation, ...more });
    prepared.keep(asked, path, new Response(text, { headers: { etag: `"${text.length}-${text.slice(0, 8)}"` } }));
  };
  const get = async (path: string, headers = {}) => prepared.answer(request(path, headers), path)?.text();
  return { invalidations, prepared, request, keep, get };
}

const A = "/api/packages/a";
const A_VERSION = "/api/packages/a/1.0.0";

test("an answer is given again until its package changes, and no other answer with it", async () => {
  const { invalidations, keep, get } = prepare();
  for (const path of [A, A_VERSION, "/api/packages/ab", "/api/packages/b"]) keep(path, path);
  invalidations.notify(["a"]);
  expect([await get(A), await get(A_VERSION)]).toEqual([undefined, undefined]);
  expect([await get("/api/packages/ab"), await get("/api/packages/b")]).toEqual([
    "/api/packages/ab",
    "/api/packages/b",
  ]);
  invalidations.notify("any");
  expect(await get("/api/packages/b")).toBeUndefined();
});

test("what was read before a change and answered after it is not kept", async () => {
  const { invalidations, prepared, keep, get } = prepare();
  const generation = prepared.generation;
  invalidations.notify(["b"]);
  keep(A, "old", { generation });
  expect(await get(A)).toBeUndefined();
});

test("while nobody knows what others changed, nothing is given and nothing kept", async () => {
  const { invalidations, keep, get } = prepare();
  keep(A, "a");
  invalidations.markFreshAt(performance.now() - 1_000);
  keep("/api/packages/b", "b");
  expect(await get(A)).toBeUndefined();
  invalidations.markFreshAt(performance.now());
  expect([await get(A), await get("/api/packages/b")]).toEqual(["a", undefined]);
});

test("only the request that asks for nothing but the document gets it", async () => {
  const { prepared, request, keep, get } = prepare();
  keep(A, "a");
  for (const header of ["origin", "content-length", "transfer-encoding"]) {
    expect(await get(A, { [header]: "1" })).toBeUndefined();
  }
  expect(prepared.answer(new Request(request(A), { method: "HEAD" }), A)).toBeUndefined();
  expect(await get(`${A}?x=1`)).toBeUndefined();
  expect(await get("/api/packages")).toBeUndefined();
  expect(await get(A, { authorization: "Bearer nonsense" })).toBe("a");
  expect(await get(A, { range: "bytes=0-0" })).toBe("a");
});

test("a range of what has ranges is for the app", async () => {
  const { prepared, request } = prepare();
  const asked = request(A_VERSION);
  prepared.offer(asked, { path: A_VERSION, body: new Blob(["archive"]), generation: prepared.generation });
  prepared.keep(asked, A_VERSION, new Response("archive", { headers: { etag: '"1"', "accept-ranges": "bytes" } }));
  expect(await prepared.answer(request(A_VERSION), A_VERSION)?.text()).toBe("archive");
  expect(prepared.answer(request(A_VERSION, { range: "bytes=0-0" }), A_VERSION)).toBeUndefined();
});

test("each answer has an id of its own, or the client's; a 304 tells nothing of a body", async () => {
  const { prepared, request, keep } = prepare();
  keep(A, "a");
  const ids = [1, 2].map(() => prepared.answer(request(A), A)?.headers.get("x-request-id"));
  expect(ids[0]).not.toBe(ids[1] ?? null);
  const mine = prepared.answer(request(A, { "x-request-id": "mine-1", "if-none-match": 'W/"x", "1-a"' }), A);
  expect([mine?.status, mine?.headers.get("x-request-id"), mine?.headers.get("etag")]).toEqual([
    304,
    "mine-1",
    '"1-a"',
  ]);
  expect([mine?.headers.get("content-type"), await mine?.text()]).toEqual([null, ""]);
});

test("an answer that is good for some time only is asked for anew after it; one that is sent whole is counted", async () => {
  const { prepared, request, keep, get } = prepare();
  let sent = 0;
  keep(A, "a", { goodForMs: 50, sent: () => (sent += 1) });
  await get(A);
  prepared.answer(request(A, { "if-none-match": '"1-a"' }), A);
  expect(sent).toBe(1);
  await Bun.sleep(60);
  expect([await get(A), sent]).toEqual([undefined, 1]);
});

const BODY = (n: number) => `${n} `.padEnd(1_000, "x");
const path = (n: number) => `/api/packages/p${n}`;

test("what memory is too small for comes from the file, those asked for most from memory", async () => {
  const { prepared, keep, get } = prepare({ memoryMaxBytes: 10_000, file: answerFile(1_000_000) });
  for (let n = 0; n < 100; n += 1) {
    keep(path(n), BODY(n));
    await get(path(0));
  }
  await Bun.sleep(20);
  for (let n = 0; n < 100; n += 1) expect(await get(path(n))).toBe(BODY(n));
  expect(prepared.bytesInMemory).toBeLessThanOrEqual(10_000);
});

test("only what is sent often comes from the file to memory, and what is sent most stays there", async () => {
  const file = answerFile(1_000_000);
  const { prepared, keep, get } = prepare({ memoryMaxBytes: 10_000, file });
  const send = async (n: number, times: number) => {
    for (let time = 0; time < times; time += 1) expect(await get(path(n))).toBe(BODY(n));
  };
  for (let n = 0; n < 100; n += 1) keep(path(n), BODY(n));
  for (let n = 0; n < 100; n += 1) await send(n, 5);
  expect(prepared.bytesInMemory).toBe(0);
  await send(0, 60);
  for (let n = 1; n < 20; n += 1) await send(n, 5);
  // Writes over all of them in the file.
  file.write(new Uint8Array(1_000_000));
  const left = [0, 1, 2, 19, 20].map(async (n) => (await get(path(n))) !== undefined);
  expect(await Promise.all(left)).toEqual([true, false, false, true, false]);
});

test("without a file, memory stays bounded and the rest is asked of the app", async () => {
  const { prepared, keep, get } = prepare({ memoryMaxBytes: 10_000 });
  for (let n = 0; n < 100; n += 1) keep(path(n), BODY(n));
  const there = (await Promise.all(Array.from({ length: 100 }, (_, n) => get(path(n))))).filter(Boolean);
  expect(there.length).toBeGreaterThan(3);
  expect(there.length).toBeLessThan(10);
  expect(prepared.bytesInMemory).toBeLessThanOrEqual(10_000);
});

test("a file that is full forgets the first answers; none is ever given for another", async () => {
  const { keep, get } = prepare({ memoryMaxBytes: 3_000, file: answerFile(20_500) });
  for (let n = 0; n < 100; n += 1) keep(path(n), BODY(n));
  await Bun.sleep(20);
  const found = await Promise.all(Array.from({ length: 100 }, (_, n) => get(path(n))));
  expect(found.filter(Boolean).length).toBeGreaterThan(10);
  for (const [n, text] of found.entries()) expect([undefined, BODY(n)]).toContain(text);
});

test("who reads every archive and version of everything takes no documents from others", async () => {
  const { keep, get } = prepare({ memoryMaxBytes: 10_000, entriesMax: 50, file: answerFile(1_000_000) });
  for (let n = 0; n < 20; n += 1) keep(path(n), BODY(n));
  const archive = new Blob([BODY(0)]);
  for (let n = 0; n < 200; n += 1) keep(`${path(n)}/1.0.0/download`, BODY(n), { body: archive });
  for (let n = 0; n < 200; n += 1) keep(`${path(n)}/1.0.0`, BODY(n));
  for (let n = 0; n < 20; n += 1) expect(await get(path(n))).toBe(BODY(n));
  const versions = await Promise.all(Array.from({ length: 200 }, (_, n) => get(`${path(n)}/1.0.0`)));
  expect(versions.filter(Boolean).length).toBeGreaterThan(15);
});

test("an archive that memory has no room for any more is forgotten, and takes no room among the answers", async () => {
  const { keep, get } = prepare({ memoryMaxBytes: 10_000, entriesMax: 50, file: answerFile(1_000_000) });
  const archive = new Blob([BODY(0)]);
  for (let n = 0; n < 200; n += 1) keep(`${path(n)}/download`, BODY(n), { body: archive });
  for (let n = 0; n < 43; n += 1) keep(path(n), BODY(n));
  for (let n = 0; n < 43; n += 1) expect(await get(path(n))).toBe(BODY(n));
  expect(await get(`${path(199)}/download`)).toBe(BODY(0));
  expect(await get(`${path(0)}/download`)).toBeUndefined();
});

test("a changed package is forgotten in the file as well", async () => {
  const { invalidations, keep, get } = prepare({ memoryMaxBytes: 3_000, file: answerFile(1_000_000) });
  for (let n = 0; n < 20; n += 1) keep(path(n), BODY(n));
  await Bun.sleep(20);
  invalidations.notify(["p3"]);
  expect([await get(path(3)), await get(path(4))]).toEqual([undefined, BODY(4)]);
});

test("the file leaves no name behind while it is used", () => {
  answerFile(1_000);
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});
