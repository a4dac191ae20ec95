import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newAccount } from "../../test/support/client.ts";
import { archiveOf, downloadPath, publishArchive } from "./archives.ts";
import { missingRow, progress, ratios, row } from "./measure.ts";
import { type Nginx, startNginx } from "./nginx.ts";
import { type BenchRegistry, startBinary, withDirectory } from "./registry.ts";

const ROUNDS = 7;
const ROUND_S = 3;
const CONNECTIONS = 16;
const RATIO_GOAL = 0.9;
/** What wrk prints is rounded. */
const BYTES_TOLERANCE = 0.98;

/** `goal`: the least that the registry may do for each download of nginx. */
const SIZES: readonly { name: string; label: string; bytes: number; goal?: number }[] = [
  { name: "bench-10kb", label: "10 KB", bytes: 10_000 },
  { name: "bench-1mb", label: "1 MB", bytes: 1_000_000, goal: RATIO_GOAL },
  { name: "bench-20mb", label: "20 MB", bytes: 20_000_000 },
];

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** Reads the report of wrk. Throws unless every answer was good and whole. */
export function requestsPerSecond(report: string, url: string, bytesEach: number): number {
  const [, count, read, unit] = /(\d+) requests in \S+, ([\d.]+)(\w*B) read/.exec(report) ?? [];
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(report)?.[1];
  const bytesRead = Number(read) * (UNITS[unit ?? ""] ?? Number.NaN);
  const isWhole = bytesRead >= Number(count) * bytesEach * BYTES_TOLERANCE;
  const isGood = rate !== undefined && Number(rate) > 0 && !/Non-2xx|Socket errors/.test(report);
  if (!isGood || !isWhole) throw new Error(`wrk of ${url} with ${bytesEach} bytes each:\n${report}`);
  return Number(rate);
}

async function load(wrk: string, url: string, bytesEach: number, seconds: number): Promise<number> {
  const command = [wrk, "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--timeout", "10s", url];
  const run = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  const [report] = await Promise.all([run.stdout.text(), run.exited]);
  return requestsPerSecond(report, url, bytesEach);
}

interface Sides {
  readonly wrk: string;
  readonly registry: BenchRegistry;
  readonly nginx: Nginx | undefined;
}

/** Loads both in turn, each round beginning with the other one, and prints what they did. */
async function compare({ wrk, registry, nginx }: Sides, size: (typeof SIZES)[number], bytes: number): Promise<void> {
  const { name, label, goal } = size;
  const ours = { url: registry.url + downloadPath(name), rates: [] as number[] };
  const theirs = nginx && { url: `${nginx.url}/${name}`, rates: [] as number[] };
  const sides = theirs === undefined ? [ours] : [ours, theirs];
  for (const { url } of sides) await load(wrk, url, bytes, 1);
  for (let round = 1; round <= ROUNDS; round += 1) {
    progress(`download of ${label}: round ${round} of ${ROUNDS}`);
    for (const side of round % 2 === 0 ? sides.toReversed() : sides) {
      side.rates.push(await load(wrk, side.url, bytes, ROUND_S));
    }
  }
  progress();
  console.log(row(`download of ${label}, registry`, ours.rates, "req/s", ""));
  if (theirs === undefined) return console.log(missingRow(`download of ${label}, nginx`, "there is no nginx"));
  console.log(row(`download of ${label}, nginx`, theirs.rates, "req/s", ""));
  const wanted = goal === undefined ? "" : `≥ ${goal} ×`;
  console.log(row(`download of ${label}, registry to nginx`, ratios(ours.rates, theirs.rates), "×", wanted, 2));
}

/** Downloads from files, of the registry and of nginx with `sendfile`, one process each. */
export async function benchThroughput(): Promise<void> {
  const wrk = Bun.which("wrk");
  if (wrk === null) return console.log(missingRow("download, registry to nginx", "there is no wrk"));
  await withDirectory(async (directory) => {
    const files = join(directory, "files");
    const dataDir = join(directory, "data");
    mkdirSync(files);
    mkdirSync(dataDir);
    const registry = await startBinary(dataDir, { LOG_LEVEL: "silent" });
    const nginx = await startNginx(directory, files);
    try {
      const client = await newAccount(registry);
      for (const size of SIZES) {
        const archive = archiveOf(size.name, size.bytes);
        await publishArchive(client, size.name, archive);
        writeFileSync(join(files, size.name), archive);
        await compare({ wrk, registry, nginx }, size, archive.length);
      }
    } finally {
      await nginx?.stop();
      await registry.stop();
    }
  });
}
