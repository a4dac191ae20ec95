import { expect, test } from "bun:test";
import { type FileStamp, HotBlobs } from "../../src/blobs/blob-cache.ts";
import { parseDigest } from "../../src/domain/digest.ts";

function digest(at: number) {
  const parsed = parseDigest(at.toString(16).padStart(64, "0"));
  if (parsed === undefined) throw new Error("not a digest");
  return parsed;
}

const stamp: FileStamp = { size: 10, mtimeMs: 1, ctimeMs: 2, ino: 3 };
const blob = () => new Blob([new Uint8Array(10)]);

test("what was used last is kept, and never more than there may be", () => {
  const hot = new HotBlobs(35);
  for (const at of [1, 2, 3]) hot.keep(digest(at), stamp, blob());
  expect(hot.get(digest(1), stamp)?.size).toBe(10);
  hot.keep(digest(4), stamp, blob());
  expect([1, 2, 3, 4].filter((at) => hot.get(digest(at), stamp) !== undefined)).toEqual([1, 3, 4]);
  for (let again = 0; again < 9; again += 1) hot.keep(digest(4), stamp, blob());
  expect([1, 3, 4].filter((at) => hot.get(digest(at), stamp) !== undefined)).toEqual([1, 3, 4]);
});

test("a file that somebody wrote to is not the one that was kept", () => {
  for (const change of [{ size: 11 }, { mtimeMs: 9 }, { ctimeMs: 9 }, { ino: 9 }]) {
    const hot = new HotBlobs(100);
    hot.keep(digest(1), stamp, blob());
    expect(hot.get(digest(1), { ...stamp, ...change })).toBeUndefined();
    expect(hot.get(digest(1), stamp)).toBeUndefined();
  }
});

test("what is larger than all there may be is not kept", () => {
  const hot = new HotBlobs(5);
  hot.keep(digest(1), stamp, blob());
  expect(hot.get(digest(1), stamp)).toBeUndefined();
});
