import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { newAccount } from "../../test/support/client.ts";
import { archiveOf, downloadPath, publishArchive } from "./archives.ts";
import { compare } from "./compare.ts";
import { documentPath, publishDocument, readDocument } from "./documents.ts";
import { heading, missingRow } from "./measure.ts";
import { ourPublisher, publishing } from "./publish.ts";
import { type BenchRegistry, BINARY, buildBinary, startRegistry, withDirectory } from "./registry.ts";
import { type Load, load, onCore, wrkMissing } from "./wrk.ts";

const ROUNDS = 7;
const ROUND_S = 2;
const GOAL = 1.6;
/** The kernel assigns connections to processes by hash, so more of them give more equal shares. */
const CONNECTIONS = 64;
const ARCHIVE = { name: "bench-10kb", bytes: 10_000 };

interface Side {
  readonly name: string;
  readonly registry: BenchRegistry;
  readonly load: Pick<Load, "threads" | "core">;
}

/** Starts a registry with this many processes and publishes what is read. */
async function startSide(directory: string, name: string, workers: number, core?: number): Promise<Side> {
  const dataDir = join(directory, name.replaceAll(" ", "-"));
  mkdirSync(dataDir);
  const settings = { LOG_LEVEL: "silent", PUBLISH_LIMITS: "off", WORKERS: String(workers) };
  const registry = await startRegistry([...onCore(core), BINARY], dataDir, settings);
  const client = await newAccount(registry);
  await publishDocument(client);
  await publishArchive(client, ARCHIVE.name, archiveOf(ARCHIVE.name, ARCHIVE.bytes));
  return { name, registry, load: core === undefined ? { threads: workers } : { threads: 1, core } };
}

async function measure(sides: readonly Side[], what: string, path: string, bodyBytes: number): Promise<void> {
  const [two, ...ones] = sides.map(({ name, registry, load: limits }) => ({
    name,
    goal: GOAL,
    once: () => load({ url: registry.url + path, bodyBytes, connections: CONNECTIONS, ...limits }, ROUND_S),
  }));
  if (two !== undefined) await compare({ what, unit: "req/s", rounds: ROUNDS }, two, ones);
}

/**
 * Measures publishes. This process sends them and takes little time, so no process is bound to a
 * core.
 */
async function measurePublishes(sides: readonly Side[]): Promise<void> {
  const [two, ...ones] = await Promise.all(
    sides.map(async ({ name, registry }) => ({ name, once: publishing(await ourPublisher(registry)) })),
  );
  if (two !== undefined) await compare({ what: "publish", unit: "/s", rounds: ROUNDS }, two, ones);
}

/**
 * Compares two processes with one, which is measured twice: with both cores for it and its load,
 * and with one core for both together. On two cores, two processes share the cores with their load,
 * while one does not. The second way gives each process the same share.
 */
export async function benchWorkers(): Promise<void> {
  if (wrkMissing !== undefined) return console.log(missingRow("workers", wrkMissing));
  if (Bun.which("taskset") === null) return console.log(missingRow("workers", "there is no taskset"));
  buildBinary();
  console.log(heading());
  await withDirectory(async (directory) => {
    const sides: Side[] = [];
    try {
      sides.push(await startSide(directory, "2 workers", 2));
      sides.push(await startSide(directory, "1 worker", 1));
      sides.push(await startSide(directory, "1 worker and its load on 1 core", 1, 0));
      const lengths = await Promise.all(sides.map(({ registry }) => readDocument(registry.url)));
      await measure(sides, "metadata", documentPath(), Math.min(...lengths.map(({ body }) => body.length)));
      await measure(sides, "download of 10 KB", downloadPath(ARCHIVE.name), ARCHIVE.bytes);
      await measurePublishes(sides.filter(({ load: { core } }) => core === undefined));
    } finally {
      for (const { registry } of sides) await registry.stop();
    }
  });
}
