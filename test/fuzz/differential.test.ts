import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { Failure } from "../../src/errors.ts";
import { chunked, makePackage } from "../support/archive-maker.ts";
import { randomFrom } from "../support/random.ts";
import { makeFolder } from "./oracle/folders.ts";
import { type Mutation, mutated } from "./oracle/mutations.ts";
import { findPackers } from "./oracle/packers.ts";
import { openReaders, type Reader, type Reading } from "./oracle/readers.ts";
import { SHAPES } from "./oracle/shapes.ts";

/*
 * Compares the registry with other readers of tar. For an archive that the registry accepts, its
 * list of path, size and SHA-256 must be what Go's archive/tar, Python's tarfile, GNU tar and
 * bsdtar unpack. The archives are mutations of real ones that many programs packed: one kind of
 * everything, and one of each shape that only some readers know.
 *
 *     FUZZ_SEED=123 DIFFERENTIAL_RUNS=1 npm test -- test/fuzz/differential.test.ts -t "old directories"
 *
 * Run i depends on seed + i alone, so a printed seed repeats its run on a machine with the same
 * packages and programs.
 */

/** The runs of each kind. */
const RUNS = Number(process.env.DIFFERENTIAL_RUNS ?? (process.env.TEST_LONG === "1" ? 10_000 : 60));
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
/** With fewer accepted archives the readers have nothing to disagree about. */
const ACCEPTED_MIN_SHARE = 0.08;
const CONCURRENCY = 4;
const FIXTURES = join(import.meta.dir, "../../../shared/fixtures");
const MEMORY = "/dev/shm";
const KINDS: readonly (readonly [name: string, shape: Mutation | undefined])[] = [
  ["everything", undefined],
  ...Object.entries(SHAPES),
];

const scratch = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "differential-"));
const { packings, missing: missingPackers } = await findPackers(scratch);
const { readers, missing } = await openReaders(scratch);
for (const name of missingPackers) console.warn(`Skipped: ${name} is not on this machine, so it does not pack`);
for (const name of missing) console.warn(`Skipped: ${name} is not on this machine, so it is not asked`);
if (!existsSync(FIXTURES))
  console.warn(`Skipped: the real packages are not at ${FIXTURES}; one made here stands for them`);

const bases: { readonly name: string; readonly tar: Uint8Array }[] = [];
const compared = new Map<string, number>();
let accepted = 0;

beforeAll(() => {
  const own = makePackage({ name: "differential", version: "1.0.0" });
  bases.push({ name: "made here", tar: new Uint8Array(gunzipSync(own)) });
  const real = existsSync(FIXTURES) ? ["complex-pkg", "test-pkg-v2", "test-verify-pkg"] : [];
  if (real.length > 0) bases.push({ name: "packed on Windows", tar: packedOnWindows() });
  const folders = real.map((name) => join(FIXTURES, name));
  for (const [index, { packer, form, cannot, pack }] of packings.entries()) {
    for (const folder of [makeFolder(scratch, cannot), ...folders.slice(index % 3, (index % 3) + 1)]) {
      bases.push({ name: `${folder} by ${packer} (${form})`, tar: pack(folder) });
    }
  }
});

afterAll(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  rmSync(scratch, { recursive: true, force: true });
});

function packedOnWindows(): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(join(FIXTURES, "test-pkg-v2-0.1.0.cpm"))));
}

/** The registry's list of files, or the code of its first fault. */
async function registryReading(archive: Uint8Array): Promise<Reading> {
  try {
    const { files } = await inspectArchive(chunked(archive), DEFAULT_ARCHIVE_LIMITS);
    return { files: files.map(({ path, size, sha256 }) => `${path} ${size} ${sha256}`).sort() };
  } catch (error) {
    if (!(error instanceof Failure) || error.error.code !== "archive_rejected") throw error;
    return { error: error.error.faults[0]?.code ?? "no code" };
  }
}

async function readBy(reader: Reader, path: string): Promise<readonly [string, Reading]> {
  const reading = await reader.read(path);
  compared.set(reader.name, (compared.get(reader.name) ?? 0) + 1);
  return [reader.name, reading];
}

/** Returns the registry's result. It is `accepted` only if every reader agrees. */
async function outcomeOf(seed: number, shape: Mutation | undefined): Promise<string> {
  const random = randomFrom(seed);
  const base = bases[random(bases.length)];
  if (base === undefined) throw new Error("no archive to start from");
  const archive = mutated(base.tar, random, shape);
  const ours = await registryReading(archive);
  if ("error" in ours) return ours.error;
  const path = join(scratch, `${seed}.tar.gz`);
  await writeFile(path, archive);
  const theirs = await Promise.all(readers.map((reader) => readBy(reader, path)));
  const others = theirs.filter(([, reading]) => !Bun.deepEquals(reading, ours));
  await rm(path);
  if (others.length > 0) throw new Error(`FUZZ_SEED=${seed}, ${base.name}: ${differences(ours, others)}`);
  return "accepted";
}

function differences(ours: Reading, others: readonly (readonly [string, Reading])[]): string {
  return JSON.stringify({ registry: ours, ...Object.fromEntries(others) }, undefined, 1);
}

/** Compares all runs of one kind and returns how many had which result. */
async function compareAll(shape: Mutation | undefined): Promise<{ outcomes: Map<string, number>; failures: string[] }> {
  const outcomes = new Map<string, number>();
  const failures: string[] = [];
  let next = 0;
  const worker = async () => {
    while (next < RUNS) {
      const outcome = await outcomeOf(FIRST_SEED + next++, shape).catch((error: unknown) => {
        failures.push(String(error));
        return "differently read";
      });
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return { outcomes, failures };
}

describe("every reader unpacks what the registry accepts to the registry's list of files", () => {
  test.skipIf(readers.length === 0).each(KINDS)(
    `%s: of ${RUNS} mutated archives`,
    async (kind, shape) => {
      const started = performance.now();
      const { outcomes, failures } = await compareAll(shape);
      const counted = [...outcomes].sort((a, b) => b[1] - a[1]).map(([outcome, count]) => `${count} ${outcome}`);
      const seconds = Math.round((performance.now() - started) / 1_000);
      console.log(`${kind}: FUZZ_SEED=${FIRST_SEED}, ${seconds} s: ${counted.slice(0, 8).join(", ")}`);
      expect(failures.slice(0, 20)).toEqual([]);
      accepted += outcomes.get("accepted") ?? 0;
      if (RUNS >= 1_000) expect(outcomes.get("accepted") ?? 0).toBeGreaterThan(RUNS * ACCEPTED_MIN_SHARE);
    },
    RUNS * 120 + 60_000,
  );
});

test.skipIf(RUNS < 50)("enough of the mutated archives were accepted to compare them", () => {
  expect(accepted).toBeGreaterThan(RUNS * KINDS.length * ACCEPTED_MIN_SHARE);
});

for (const name of [...readers.map((reader) => reader.name), ...missing]) {
  test.skipIf(missing.includes(name))(`${name} was asked about every archive that was accepted`, () => {
    expect(compared.get(name) ?? 0).toBe(accepted);
  });
}
