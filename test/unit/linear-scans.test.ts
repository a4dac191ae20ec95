import { expect, test } from "bun:test";
import { readEntryName } from "../../src/archive/entry-name.ts";
import { SecretScan } from "../../src/archive/secret-scan.ts";
import { foldIdentity } from "../../src/domain/identity.ts";
import { wordsOf } from "../../src/search/words.ts";

/**
 * A quadratic scan takes hundreds of times as long on these inputs as on harmless ones, so this
 * factor is generous.
 */
const SLOWER_MAX = 40;
const NOISE_MS = 100;

function bestOf(scan: () => unknown): number {
  const times = Array.from({ length: 3 }, () => {
    const startedMs = performance.now();
    scan();
    return performance.now() - startedMs;
  });
  return Math.min(...times);
}

function secretsIn(text: string): void {
  const scan = new SecretScan();
  const bytes = Buffer.from(text);
  scan.fileStart("a", bytes.length);
  scan.push(bytes);
  scan.fileEnd();
}

const header = (behind: string) => `-----BEGIN PRIVATE KEY-----${behind.repeat(900)}\n`;

test.each([
  ["backslashes behind key headers", secretsIn, header("\\").repeat(1_000), header("x").repeat(1_000)],
  ["combining marks in an identity", foldIdentity, "\u0316\u0301".repeat(20_000), "ab".repeat(20_000)],
  ["combining marks in a searched text", wordsOf, "\u0316\u0301".repeat(20_000), "ab".repeat(20_000)],
  [
    "combining marks in an entry name",
    (text: string) => readEntryName(Buffer.from(text), "file"),
    "\u0316\u0301".repeat(20_000),
    "ab".repeat(20_000),
  ],
] as const)("%s take no more than linear time", (_, scan, hostile, harmless) => {
  const harmlessMs = bestOf(() => scan(harmless));
  expect(bestOf(() => scan(hostile))).toBeLessThan(NOISE_MS + SLOWER_MAX * harmlessMs);
});
