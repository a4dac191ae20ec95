import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { newAccount } from "../../test/support/client.ts";
import { s3Missing, testS3 } from "../../test/support/s3.ts";
import { archiveOf, type SignedArchive, signed } from "./archives.ts";
import { missingRow, peakMb, progress, report } from "./measure.ts";
import { type BenchRegistry, startBinary, withDirectory } from "./registry.ts";
import { download, downloadSlowly, publishFile, type Transfer } from "./transfers.ts";

/** A peak is not compared in turns: the worst round counts. */
const ROUNDS = 2;
/** The executable alone, and with the settings of the Dockerfile. */
const VARIANTS = { bare: {}, "image's setting": { BUN_JSC_forceRAMSize: "268435456" } } as const;
const CONCURRENCY = 100;
/** Just below the default limit of an archive, 20 MiB. */
const CONTENT_BYTES = 20_960_000;
const PEAK_GOAL_MB = 250;
const SLOW_PAUSE_MS = 1_000;
const SLOW_FOR_MS = 6_000;

interface Stored extends SignedArchive {
  readonly file: string;
}

type Storage = "files" | "S3";
type Variant = keyof typeof VARIANTS;

const PHASES = ["published", "downloaded", "downloaded slowly"] as const;
type Phase = (typeof PHASES)[number];

/** The result of one phase of one round. */
interface Seen {
  readonly peak: number;
  readonly seconds: number;
  /** Undefined when every transfer succeeded. */
  readonly trouble: string | undefined;
}

/** Makes a hundred different archives in files. */
function makeArchives(directory: string): Stored[] {
  return Array.from({ length: CONCURRENCY }, (_, index) => {
    progress(`making archive ${index + 1} of ${CONCURRENCY}`);
    const name = `bench-${index}`;
    const archive = archiveOf(name, CONTENT_BYTES);
    const file = join(directory, name);
    writeFileSync(file, archive);
    return { ...signed(name, archive), file };
  });
}

/** Describes the transfers that failed. */
function troubleOf(transfers: readonly Transfer[], isGood: (transfer: Transfer, index: number) => boolean) {
  const bad = transfers.filter((transfer, index) => !isGood(transfer, index));
  if (bad.length === 0) return undefined;
  const ways = new Set(bad.map(({ status, text }) => `${status} ${/"detail":"[^"]*"/.exec(text)?.[0] ?? ""}`.trim()));
  return `${bad.length} of ${transfers.length} failed: ${[...ways].join(", ")}`;
}

async function see(
  pid: number,
  transfers: () => Promise<Transfer[]>,
  isGood: (transfer: Transfer, index: number) => boolean,
): Promise<Seen> {
  const startedMs = performance.now();
  const { peak, result } = await peakMb(pid, transfers);
  return { peak, seconds: (performance.now() - startedMs) / 1000, trouble: troubleOf(result, isGood) };
}

/** Runs the three phases on one registry, one after the other. */
async function runPhases(
  { url, port, pid }: BenchRegistry,
  archives: readonly Stored[],
  say: (phase: Phase) => void,
): Promise<Record<Phase, Seen>> {
  const { token = "" } = await newAccount({ url });
  const all = (transfer: (archive: Stored) => Promise<Transfer>) => () => Promise.all(archives.map(transfer));
  say("published");
  const published = await see(
    pid,
    all((archive) => publishFile(port, token, archive.file, archive)),
    ({ status }) => status === 201,
  );
  say("downloaded");
  const downloaded = await see(
    pid,
    all(({ name }) => download(port, name)),
    ({ status, digest }, index) => status === 200 && digest === archives[index]?.digest,
  );
  say("downloaded slowly");
  // From S3 an answer begins when the whole archive has arrived, which for some clients is too
  // late.
  const slowly = await see(
    pid,
    all(({ name }) => downloadSlowly(port, name, SLOW_PAUSE_MS, SLOW_FOR_MS)),
    ({ status }) => status === 200 || status === 0,
  );
  return { published, downloaded, "downloaded slowly": slowly };
}

/** The settings of an empty storage, and a function that empties it again. */
async function openStorage(storage: Storage) {
  if (storage === "files") return { settings: {}, clear: async () => {} };
  const s3 = await testS3();
  const bucket = await s3.createBucket();
  return { settings: s3.settings(bucket), clear: () => s3.emptyAndDropBucket(bucket) };
}

/** Runs a round with a new process on an empty storage. */
async function round(storage: Storage, variant: Variant, archives: readonly Stored[], say: (phase: Phase) => void) {
  return withDirectory(async (dataDir) => {
    const { settings, clear } = await openStorage(storage);
    try {
      const registry = await startBinary(dataDir, { LOG_LEVEL: "silent", ...VARIANTS[variant], ...settings });
      try {
        return await runPhases(registry, archives, say);
      } finally {
        await registry.stop();
      }
    } finally {
      await clear();
    }
  });
}

function reportPhases(storage: Storage, variant: Variant, rounds: readonly Record<Phase, Seen>[]): void {
  for (const phase of PHASES) {
    const seen = rounds.map((one) => one[phase]);
    const peaks = seen.map(({ peak }) => peak);
    report(`peak, ${storage}, ${variant}, ${CONCURRENCY} ${phase}`, peaks, "MB", `< ${PEAK_GOAL_MB} MB`);
    for (const { trouble } of seen) if (trouble !== undefined) console.log(`  ${trouble}`);
    if (phase === "downloaded slowly") continue;
    const rates = seen.map(({ seconds }) => (CONCURRENCY * CONTENT_BYTES) / 1_000_000 / seconds);
    report("  their speed, for orientation", rates, "MB/s", "");
  }
}

/**
 * Measures peak memory while a hundred archives of 20 MB are uploaded and downloaded at once, on
 * both storages.
 */
export async function benchMemory(): Promise<void> {
  if (process.platform !== "linux") return console.log(missingRow("peak memory", "only Linux tells it"));
  if (s3Missing !== undefined) console.log(missingRow("peak memory, S3", s3Missing));
  const storages: Storage[] = s3Missing === undefined ? ["files", "S3"] : ["files"];
  await withDirectory(async (directory) => {
    const archives = makeArchives(directory);
    for (const storage of storages) {
      for (const variant of ["bare", "image's setting"] as const) {
        const seen: Record<Phase, Seen>[] = [];
        for (let count = 1; count <= ROUNDS; count += 1) {
          const say = (phase: Phase) => progress(`memory, ${storage}, ${variant}, round ${count}: being ${phase}`);
          seen.push(await round(storage, variant, archives, say));
        }
        progress();
        reportPhases(storage, variant, seen);
      }
    }
  });
}
