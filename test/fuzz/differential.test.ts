import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { Failure } from "../../src/errors.ts";
import { bytesOf, chunked, makePackage } from "../support/archive-maker.ts";
import { randomFrom } from "../support/random.ts";
import { mutated } from "./oracle/mutations.ts";
import { openReaders, packedBy, type Reader, type Reading } from "./oracle/readers.ts";

/*
 * Compares the registry with other readers of tar. For an archive that the registry accepts, its
 * list of path, size and SHA-256 must be what Go's archive/tar, Python's tarfile, GNU tar and
 * bsdtar unpack. The archives are mutations of real ones that the same programs packed:
 *
 *     FUZZ_SEED=123 DIFFERENTIAL_RUNS=1 npm test -- test/fuzz/differential.test.ts
 *
 * Run i depends on seed + i alone, so a printed seed repeats its run on a machine with the same
 * packages and programs.
 */

const RUNS = Number(process.env.DIFFERENTIAL_RUNS ?? (process.env.TEST_LONG === "1" ? 10_000 : 500));
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
/** With fewer accepted archives the readers have nothing to disagree about. */
const ACCEPTED_MIN_SHARE = 0.12;
const CONCURRENCY = 4;
const FIXTURES = join(import.meta.dir, "../../../shared/fixtures");
const MEMORY = "/dev/shm";
const PACKERS = [
  ["go", "ustar"],
  ["go", "pax"],
  ["go", "gnu"],
  ["python", "ustar"],
  ["python", "pax"],
  ["python", "gnu"],
  ["tar", "ustar"],
  ["tar", "pax"],
  ["tar", "gnu"],
  ["bsdtar", "ustar"],
  ["bsdtar", "pax"],
  ["bsdtar", "gnutar"],
] as const;

const scratch = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "differential-"));
const { readers, missing } = await openReaders(scratch);
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
  for (const folder of [...real.map((name) => join(FIXTURES, name)), madeFolder()]) {
    for (const [packer, format] of PACKERS) {
      if (format !== "pax" && folder.startsWith(scratch)) continue;
      const tar = packedBy(packer, format, folder, scratch);
      if (tar !== undefined) bases.push({ name: `${folder} by ${packer} as ${format}`, tar });
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

/**
 * A package with what the real ones lack: a name too long for the name field, a letter beyond
 * ASCII, an empty file. For PAX only.
 */
function madeFolder(): string {
  const folder = join(scratch, "package");
  const files = {
    "colony.yaml": "name: made\nversion: 1.0.0\n",
    "values.yaml": "a: 1\n",
    "templates/ä.json": "{}",
    [`docs/${"long-folder/".repeat(8)}${"name".repeat(8)}`]: "long\n",
    empty: "",
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytesOf(content));
  }
  return folder;
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
async function outcomeOf(seed: number): Promise<string> {
  const random = randomFrom(seed);
  const base = bases[random(bases.length)];
  if (base === undefined) throw new Error("no archive to start from");
  const archive = mutated(base.tar, random);
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

test.skipIf(readers.length === 0)(
  `every reader unpacks what the registry accepts of ${RUNS} mutated archives to the registry's list of files`,
  async () => {
    const started = performance.now();
    const outcomes = new Map<string, number>();
    const failures: string[] = [];
    let next = 0;
    const worker = async () => {
      while (next < RUNS) {
        const seed = FIRST_SEED + next++;
        const outcome = await outcomeOf(seed).catch((error: unknown) => {
          failures.push(String(error));
          return "differently read";
        });
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    const counted = [...outcomes].sort((a, b) => b[1] - a[1]).map(([outcome, count]) => `${count} ${outcome}`);
    const asked = [...compared].map(([name, count]) => `${name} ${count}`).join(", ");
    const seconds = Math.round((performance.now() - started) / 1_000);
    console.log(
      `${RUNS} mutations of ${bases.length} archives, FUZZ_SEED=${FIRST_SEED}, ${seconds} s: ${counted.join(", ")}`,
    );
    console.log(`Accepted archives read by: ${asked}`);
    expect(failures.slice(0, 20)).toEqual([]);
    accepted = outcomes.get("accepted") ?? 0;
    if (RUNS >= 100) expect(accepted).toBeGreaterThan(RUNS * ACCEPTED_MIN_SHARE);
  },
  RUNS * 120 + 60_000,
);

for (const name of [...readers.map((reader) => reader.name), ...missing]) {
  test.skipIf(missing.includes(name))(`${name} was asked about every archive that was accepted`, () => {
    expect(compared.get(name) ?? 0).toBe(accepted);
  });
}
