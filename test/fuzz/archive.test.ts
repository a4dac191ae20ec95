import { expect, test } from "bun:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { Failure } from "../../src/errors.ts";
import {
  bytesOf,
  chunked,
  concat,
  goStyleArchive,
  makeArchive,
  manifestOf,
  paxEntry,
} from "../support/archive-maker.ts";
import { type Random, randomFrom } from "../support/random.ts";

/*
 * Fuzzes `inspectArchive`: whatever the bytes, it returns or throws a `Failure` within the time
 * limit.
 *
 *     FUZZ_SECONDS=20 FUZZ_SEED=123 npm run test:fuzz
 *
 * Run i depends on seed + i alone, so a printed seed repeats its run.
 */

const RUN_MAX_MS = 2_000;
const LIMITS = { ...DEFAULT_ARCHIVE_LIMITS, unpackedMaxBytes: 4 * 1024 * 1024, entriesMax: 200 };
const YAML_PIECES = [
  "- ",
  "? ",
  ": ",
  "{",
  "}",
  "[",
  "]",
  ",",
  "&a ",
  "*a",
  "!!x ",
  "|\n",
  ">-\n  ",
  "'",
  '"',
  "\\",
  "\n",
  "\r\n",
  "\t",
  "#",
  "---\n",
  "...",
  "%Y\n",
  "~",
  "<<: ",
  "\ufeff",
  "\u2028",
  "name: ",
  "tags: ",
  "é",
];
const TAR_OFFSETS = [0, 1, 100, 108, 116, 124, 135, 136, 148, 156, 157, 257, 263, 329, 345, 499, 500, 511];

const MANIFEST = manifestOf({
  name: "fuzzed",
  version: "1.0.0",
  tags: ["a", "b"],
  maintainers: [{ name: "A", email: "a@b.c" }],
  dependencies: [{ name: "base", version: ">=1" }],
});

function archiveFrom(random: Random): Uint8Array {
  const manifest = random(2) === 0 ? MANIFEST : mutatedText(MANIFEST, random);
  const files = {
    "colony.yaml": manifest,
    "README.md": "# x\n",
    "templates/t": '{{ env "X" }}',
    "values.yaml": "a: 1\n",
  };
  if (random(3) === 0) return goStyleArchive(files);
  const entries = Object.entries(files).map(([name, content]) => ({ name: mutatedName(name, random), content }));
  return makeArchive([
    paxEntry({ path: mutatedName("long/ä", random), mtime: "1.5" }),
    { name: "x", content: "x" },
    ...entries,
  ]);
}

function mutatedText(text: string, random: Random): string {
  let changed = text;
  for (let count = random(6); count >= 0; count--) {
    const at = random(changed.length + 1);
    const piece = (YAML_PIECES[random(YAML_PIECES.length)] ?? "").repeat(random(10) === 0 ? random(2_000) : 1);
    changed = changed.slice(0, at) + piece + changed.slice(at + random(4));
  }
  return changed;
}

function mutatedName(name: string, random: Random): string {
  if (random(6) !== 0) return name;
  const pieces = ["../", "\\", "/", ".", " ", "\0", "\u0301", "C:", "nul", "?", "A"];
  const at = random(name.length + 1);
  return name.slice(0, at) + (pieces[random(pieces.length)] ?? "") + name.slice(at);
}

function mutatedBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let changed: Uint8Array = new Uint8Array(bytes);
  for (let count = random(4); count > 0; count--) {
    const at = random(changed.length);
    const kind = random(6);
    if (kind === 0) changed[at] = random(256);
    else if (kind === 1) changed = changed.slice(0, at);
    else if (kind === 2) changed = concat([changed.subarray(0, at), changed.subarray(random(changed.length))]);
    else if (kind === 3) changed = concat([changed, changed.subarray(at)]);
    else if (kind === 4) changed.fill(random(256), at, at + random(600));
    else changed[at] = (changed[at] ?? 0) ^ (1 << random(8));
  }
  return changed;
}

/** Changes tar headers and corrects their checksums, so that the change itself is tested. */
function mutatedTar(tar: Uint8Array, random: Random): Uint8Array {
  const changed = new Uint8Array(tar);
  for (let count = random(3); count >= 0; count--) {
    const header = changed.subarray(random(changed.length >> 9) * 512).subarray(0, 512);
    const at = (TAR_OFFSETS[random(TAR_OFFSETS.length)] ?? 0) + random(4);
    header.set(
      bytesOf(["0", "7", "9", "\0", " ", "x", "5", "/", "\u0080"][random(9)] ?? "").subarray(0, 1),
      Math.min(at, 511),
    );
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(bytesOf(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  }
  return changed;
}

function inputOf(random: Random): Uint8Array {
  const archive = archiveFrom(random);
  switch (random(5)) {
    case 0:
      return archive;
    case 1:
      return mutatedBytes(archive, random);
    case 2:
      return new Uint8Array(gzipSync(mutatedBytes(gunzipSync(archive), random)));
    default:
      return new Uint8Array(gzipSync(mutatedTar(gunzipSync(archive), random)));
  }
}

/**
 * Returns `accepted` or the code of the first fault. Throws whatever `inspectArchive` should not
 * have thrown.
 */
async function outcomeOf(input: Uint8Array, chunkBytes: number): Promise<string> {
  try {
    const { manifest, files } = await inspectArchive(chunked(input, chunkBytes), LIMITS);
    JSON.stringify({ manifest, files });
    return "accepted";
  } catch (error) {
    if (!(error instanceof Failure) || error.error.code !== "archive_rejected") throw error;
    const [first] = error.error.faults;
    if (first?.code === undefined) throw new Error("a rejection without a fault or without its code");
    if (/\p{Cc}/u.test(JSON.stringify(error.error.faults))) throw new Error("a control character in an answer");
    return first.code;
  }
}

async function runOnce(seed: number): Promise<string> {
  const random = randomFrom(seed);
  const input = inputOf(random);
  const chunkBytes = [1, 100, 512, 65_536][random(4)] ?? 65_536;
  const started = performance.now();
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${RUN_MAX_MS} ms`)), RUN_MAX_MS).unref();
  });
  const outcome = await Promise.race([outcomeOf(input, chunkBytes), late]);
  if (performance.now() - started > RUN_MAX_MS) throw new Error(`an answer only after more than ${RUN_MAX_MS} ms`);
  return outcome;
}

/**
 * Every test run fuzzes for a moment; `npm run test:fuzz` fuzzes for longer. The same seed makes
 * the same archives.
 */
const seconds = Number(process.env.FUZZ_SECONDS ?? (process.env.TEST_LONG === "1" ? 120 : 2));
const firstSeed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);

test(
  "inspectArchive accepts or refuses every mutated archive, without any other error and in time",
  async () => {
    const until = performance.now() + seconds * 1_000;
    const outcomes = new Map<string, number>();
    let runs = 0;
    for (; performance.now() < until; runs += 1) {
      const seed = firstSeed + runs;
      const outcome = await runOnce(seed).catch((cause: unknown) => {
        throw new Error(`FUZZ_SEED=${seed} breaks the promise`, { cause });
      });
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    const counted = [...outcomes].sort((a, b) => b[1] - a[1]).map(([outcome, count]) => `${count} ${outcome}`);
    console.log(`${runs} archives from FUZZ_SEED=${firstSeed}: ${counted.slice(0, 8).join(", ")}`);
    expect(runs).toBeGreaterThan(0);
    // Both results must occur, or the archives made here prove nothing.
    expect(outcomes.size).toBeGreaterThan(1);
  },
  (seconds + 60) * 1_000,
);
