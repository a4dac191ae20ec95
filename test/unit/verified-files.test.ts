import { afterAll, beforeEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VerifiedFiles } from "../../src/blobs/verified-files.ts";
import { parseDigest } from "../../src/domain/digest.ts";
import { sha256 } from "../support/client.ts";

const home = mkdtempSync(join(tmpdir(), "cpm-verified-files-"));
const path = join(home, "blob");
const bytes = randomBytes(3_000_000);
const digest = parseDigest(sha256(bytes));
if (digest === undefined) throw new Error("not a digest");
const blob = { digest, size: bytes.length };
const stamp = () => statSync(path);

beforeEach(() => writeFileSync(path, bytes));
afterAll(() => rmSync(home, { recursive: true, force: true }));

test("concurrent verifications of one file are one, and a changed file is not verified any more", async () => {
  const files = new VerifiedFiles();
  expect(files.has(path, blob, stamp())).toBe(false);
  const shared = Array.from({ length: 20 }, () => files.verify(path, blob, stamp()));
  expect(new Set(shared).size).toBe(1);
  expect(await shared[0]).toBe(true);
  expect(files.has(path, blob, stamp())).toBe(true);
  utimesSync(path, new Date(0), new Date(0));
  expect(files.has(path, blob, stamp())).toBe(false);
});

test("a file with other bytes is corrupt, and is verified anew once it was replaced", async () => {
  const files = new VerifiedFiles();
  const flipped = Buffer.from(bytes);
  flipped[1_500_000] = (flipped[1_500_000] ?? 0) ^ 1;
  writeFileSync(path, flipped);
  const damaged = files.verify(path, blob, stamp());
  expect(files.has(path, blob, stamp())).toBe(false);
  await expect(damaged).rejects.toThrow("blob_corrupt");
  writeFileSync(path, bytes);
  expect(await files.verify(path, blob, stamp())).toBe(true);
});

test("a file that is gone is reported as gone", async () => {
  const files = new VerifiedFiles();
  const before = stamp();
  rmSync(path);
  expect(await files.verify(path, blob, before)).toBe(false);
});

test("a file that is sent long after it was verified is verified again meanwhile", async () => {
  const files = new VerifiedFiles(0);
  const before = stamp();
  expect(await files.verify(path, blob, before)).toBe(true);
  // Fewer bytes under the stamp of before, as when the disk fails at the file.
  writeFileSync(path, bytes.subarray(1));
  expect(files.has(path, blob, before)).toBe(true);
  await expect(files.verify(path, blob, before)).rejects.toThrow("blob_corrupt");
  expect(files.has(path, blob, before)).toBe(false);
});
