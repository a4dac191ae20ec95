import { expect, test } from "bun:test";
import { BlobCache } from "../../src/blobs/blob-cache.ts";
import type { FileStamp } from "../../src/blobs/file-stamp.ts";
import { parseDigest } from "../../src/domain/digest.ts";

function digest(at: number) {
  const parsed = parseDigest(at.toString(16).padStart(64, "0"));
  if (parsed === undefined) throw new Error("not a digest");
  return parsed;
}

const stamp: FileStamp = { dev: 1, size: 10, mtimeMs: 1, ctimeMs: 2, ino: 3 };
const blob = () => new Blob([new Uint8Array(10)]);

test("the blob cache keeps what was used last and evicts above its limit", () => {
  const cache = new BlobCache(35);
  for (const at of [1, 2, 3]) cache.set(digest(at), stamp, blob());
  expect(cache.get(digest(1), stamp)?.size).toBe(10);
  cache.set(digest(4), stamp, blob());
  expect([1, 2, 3, 4].filter((at) => cache.get(digest(at), stamp) !== undefined)).toEqual([1, 3, 4]);
  for (let again = 0; again < 9; again += 1) cache.set(digest(4), stamp, blob());
  expect([1, 3, 4].filter((at) => cache.get(digest(at), stamp) !== undefined)).toEqual([1, 3, 4]);
});

test("the blob cache misses once the file has changed", () => {
  for (const change of [{ size: 11 }, { mtimeMs: 9 }, { ctimeMs: 9 }, { ino: 9 }, { dev: 9 }]) {
    const cache = new BlobCache(100);
    cache.set(digest(1), stamp, blob());
    expect(cache.get(digest(1), { ...stamp, ...change })).toBeUndefined();
    expect(cache.get(digest(1), stamp)).toBeUndefined();
  }
});

test("the blob cache does not keep a blob that is larger than its limit", () => {
  const cache = new BlobCache(5);
  cache.set(digest(1), stamp, blob());
  expect(cache.get(digest(1), stamp)).toBeUndefined();
});
