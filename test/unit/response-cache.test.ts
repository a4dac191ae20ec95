import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Invalidations } from "../../src/db/invalidations.ts";
import type { CacheableResponse } from "../../src/http/cacheable-response.ts";
import { ResponseCache } from "../../src/http/response-cache.ts";
import { SpillFile } from "../../src/http/spill-file.ts";

const directory = mkdtempSync(join(tmpdir(), "cpm-spill-"));
const opened: SpillFile[] = [];

afterEach(() => {
  for (const file of opened.splice(0)) file.close();
});

function spillFile(maxBytes: number): SpillFile {
  const file = new SpillFile(join(directory, crypto.randomUUID()), maxBytes);
  opened.push(file);
  return file;
}

interface Options {
  readonly memoryMaxBytes?: number;
  readonly entriesMax?: number;
  readonly file?: SpillFile;
}

function openCache({ memoryMaxBytes = 1_000_000, entriesMax, file }: Options = {}) {
  const invalidations = new Invalidations();
  const cache = new ResponseCache(invalidations, file, memoryMaxBytes, entriesMax);
  invalidations.markFreshAt(performance.now());
  const request = (path: string, headers = {}) => new Request(`http://registry.test${path}`, { headers });
  const store = (path: string, text: string, more: Partial<CacheableResponse> = {}) => {
    const asked = request(path);
    cache.offer(asked, { path, body: new TextEncoder().encode(text), generation: cache.generation, ...more });
    cache.put(asked, path, new Response(text, { headers: { etag: `"${text.length}-${text.slice(0, 8)}"` } }));
  };
  const get = async (path: string, headers = {}) => cache.match(request(path, headers), path)?.text();
  return { invalidations, cache, request, store, get };
}

const A = "/api/packages/a";
const A_VERSION = "/api/packages/a/1.0.0";

test("an invalidation removes the responses of its package and no others", async () => {
  const { invalidations, store, get } = openCache();
  for (const path of [A, A_VERSION, "/api/packages/ab", "/api/packages/b"]) store(path, path);
  invalidations.notify(["a"]);
  expect([await get(A), await get(A_VERSION)]).toEqual([undefined, undefined]);
  expect([await get("/api/packages/ab"), await get("/api/packages/b")]).toEqual([
    "/api/packages/ab",
    "/api/packages/b",
  ]);
  invalidations.notify("any");
  expect(await get("/api/packages/b")).toBeUndefined();
});

test("a response that was read before an invalidation is not cached after it", async () => {
  const { invalidations, cache, store, get } = openCache();
  const generation = cache.generation;
  invalidations.notify(["b"]);
  store(A, "old", { generation });
  expect(await get(A)).toBeUndefined();
});

test("while invalidations are not fresh, the cache neither answers nor stores", async () => {
  const { invalidations, store, get } = openCache();
  store(A, "a");
  invalidations.markFreshAt(performance.now() - 1_000);
  store("/api/packages/b", "b");
  expect(await get(A)).toBeUndefined();
  invalidations.markFreshAt(performance.now());
  expect([await get(A), await get("/api/packages/b")]).toEqual(["a", undefined]);
});

test("only a plain GET of the exact path is answered from the cache", async () => {
  const { cache, request, store, get } = openCache();
  store(A, "a");
  for (const header of ["origin", "content-length", "transfer-encoding"]) {
    expect(await get(A, { [header]: "1" })).toBeUndefined();
  }
  expect(cache.match(new Request(request(A), { method: "HEAD" }), A)).toBeUndefined();
  expect(await get(`${A}?x=1`)).toBeUndefined();
  expect(await get("/api/packages")).toBeUndefined();
  expect(await get(A, { authorization: "Bearer nonsense" })).toBe("a");
  expect(await get(A, { range: "bytes=0-0" })).toBe("a");
});

test("a range request of an archive is not answered from the cache", async () => {
  const { cache, request } = openCache();
  const asked = request(A_VERSION);
  cache.offer(asked, { path: A_VERSION, body: new Blob(["archive"]), generation: cache.generation });
  cache.put(asked, A_VERSION, new Response("archive", { headers: { etag: '"1"', "accept-ranges": "bytes" } }));
  expect(await cache.match(request(A_VERSION), A_VERSION)?.text()).toBe("archive");
  expect(cache.match(request(A_VERSION, { range: "bytes=0-0" }), A_VERSION)).toBeUndefined();
});

test("each cached response has its own request ID or the client's, and a 304 has no headers about a body", async () => {
  const { cache, request, store } = openCache();
  store(A, "a");
  const ids = [1, 2].map(() => cache.match(request(A), A)?.headers.get("x-request-id"));
  expect(ids[0]).not.toBe(ids[1] ?? null);
  const mine = cache.match(request(A, { "x-request-id": "mine-1", "if-none-match": 'W/"x", "1-a"' }), A);
  expect([mine?.status, mine?.headers.get("x-request-id"), mine?.headers.get("etag")]).toEqual([
    304,
    "mine-1",
    '"1-a"',
  ]);
  expect([mine?.headers.get("content-type"), await mine?.text()]).toEqual([null, ""]);
});

test("an entry with a lifetime misses after it, and only whole bodies call onSend", async () => {
  const { cache, request, store, get } = openCache();
  let sent = 0;
  store(A, "a", { ttlMs: 50, onSend: () => (sent += 1) });
  await get(A);
  cache.match(request(A, { "if-none-match": '"1-a"' }), A);
  expect(sent).toBe(1);
  // The cache reads the time itself, so the response has to expire.
  await Bun.sleep(60);
  expect([await get(A), sent]).toEqual([undefined, 1]);
});

const BODY = (n: number) => `${n} `.padEnd(1_000, "x");
const path = (n: number) => `/api/packages/p${n}`;

test("bodies that do not fit into memory come from the spill file", async () => {
  const { cache, store, get } = openCache({ memoryMaxBytes: 10_000, file: spillFile(1_000_000) });
  for (let n = 0; n < 100; n += 1) {
    store(path(n), BODY(n));
    await get(path(0));
  }
  for (let n = 0; n < 100; n += 1) expect(await get(path(n))).toBe(BODY(n));
  expect(cache.bytesInMemory).toBeLessThanOrEqual(10_000);
});

test("only documents over the promotion threshold come to memory, and the most popular one survives eviction passes", async () => {
  const file = spillFile(1_000_000);
  const { cache, store, get } = openCache({ memoryMaxBytes: 10_000, file });
  const send = async (n: number, times: number) => {
    for (let time = 0; time < times; time += 1) expect(await get(path(n))).toBe(BODY(n));
  };
  for (let n = 0; n < 100; n += 1) store(path(n), BODY(n));
  for (let n = 0; n < 100; n += 1) await send(n, 5);
  expect(cache.bytesInMemory).toBe(0);
  await send(0, 60);
  for (let n = 1; n < 20; n += 1) await send(n, 5);
  // Overwrites all documents in the spill file.
  file.write(new Uint8Array(1_000_000));
  const left = [0, 1, 2, 19, 20].map(async (n) => (await get(path(n))) !== undefined);
  expect(await Promise.all(left)).toEqual([true, false, false, true, false]);
});

test("without a spill file, memory stays bounded and the other documents miss", async () => {
  const { cache, store, get } = openCache({ memoryMaxBytes: 10_000 });
  for (let n = 0; n < 100; n += 1) store(path(n), BODY(n));
  const there = (await Promise.all(Array.from({ length: 100 }, (_, n) => get(path(n))))).filter(Boolean);
  expect(there.length).toBeGreaterThan(3);
  expect(there.length).toBeLessThan(10);
  expect(cache.bytesInMemory).toBeLessThanOrEqual(10_000);
});

test("a full spill file overwrites the oldest documents and never returns the bytes of another one", async () => {
  const { store, get } = openCache({ memoryMaxBytes: 3_000, file: spillFile(20_500) });
  for (let n = 0; n < 100; n += 1) store(path(n), BODY(n));
  const found = await Promise.all(Array.from({ length: 100 }, (_, n) => get(path(n))));
  expect(found.filter(Boolean).length).toBeGreaterThan(10);
  for (const [n, text] of found.entries()) expect([undefined, BODY(n)]).toContain(text);
});

test("reading every archive and version evicts no documents of packages", async () => {
  const { store, get } = openCache({ memoryMaxBytes: 10_000, entriesMax: 50, file: spillFile(1_000_000) });
  for (let n = 0; n < 20; n += 1) store(path(n), BODY(n));
  const archive = new Blob([BODY(0)]);
  for (let n = 0; n < 200; n += 1) store(`${path(n)}/1.0.0/download`, BODY(n), { body: archive });
  for (let n = 0; n < 200; n += 1) store(`${path(n)}/1.0.0`, BODY(n));
  for (let n = 0; n < 20; n += 1) expect(await get(path(n))).toBe(BODY(n));
  const versions = await Promise.all(Array.from({ length: 200 }, (_, n) => get(`${path(n)}/1.0.0`)));
  expect(versions.filter(Boolean).length).toBeGreaterThan(15);
});

test("an archive that is evicted from memory no longer counts as an entry", async () => {
  const { store, get } = openCache({ memoryMaxBytes: 10_000, entriesMax: 50, file: spillFile(1_000_000) });
  const archive = new Blob([BODY(0)]);
  for (let n = 0; n < 200; n += 1) store(`${path(n)}/download`, BODY(n), { body: archive });
  for (let n = 0; n < 43; n += 1) store(path(n), BODY(n));
  for (let n = 0; n < 43; n += 1) expect(await get(path(n))).toBe(BODY(n));
  expect(await get(`${path(199)}/download`)).toBe(BODY(0));
  expect(await get(`${path(0)}/download`)).toBeUndefined();
});

test("an invalidated document is not read from the spill file", async () => {
  const { invalidations, store, get } = openCache({ memoryMaxBytes: 3_000, file: spillFile(1_000_000) });
  for (let n = 0; n < 20; n += 1) store(path(n), BODY(n));
  invalidations.notify(["p3"]);
  expect([await get(path(3)), await get(path(4))]).toEqual([undefined, BODY(4)]);
});

test("an open spill file has no name in its directory", () => {
  spillFile(1_000);
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});
