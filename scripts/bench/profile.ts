import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { newAccount } from "../../test/support/client.ts";
import { archiveOf, downloadPath, publishArchive } from "./archives.ts";
import { documentPath, publishDocument, readDocument } from "./documents.ts";
import { loadOf, manyNames, manyPackages } from "./many-packages.ts";
import { preparePublish, rateOf, send } from "./publishing.ts";
import { type BenchRegistry, ROOT, startRegistry, withDirectory } from "./registry.ts";
import { load } from "./wrk.ts";

const SECONDS = 5;
const WARM_UP_SECONDS = 15;
const TOP = 40;
const CLIENTS = 32;
const PUBLISHES_MAX = 6_000;
const ARCHIVE = { name: "bench-10kb", bytes: 10_000 };

/** The part of Chrome's profile format that is read here. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Loads the registry and returns the answers per second. */
type Run = () => Promise<number>;

async function publishing(registry: BenchRegistry): Promise<Run> {
  const client = await newAccount(registry);
  const prepared: (() => Promise<unknown>)[] = [];
  for (let count = 0; count < PUBLISHES_MAX; count += 1) {
    const publish = await preparePublish(client, `bench-${count % 1_000}`, `1.${count}.0`);
    prepared.push(() => send(publish));
  }
  return () => rateOf(CLIENTS, SECONDS * 1_000, prepared);
}

/** The loads. Each first publishes what it needs. */
const LOADS: Readonly<Record<string, (registry: BenchRegistry, directory: string) => Promise<Run>>> = {
  async read(registry) {
    await publishDocument(await newAccount(registry));
    const { body } = await readDocument(registry.url);
    return () => load({ url: registry.url + documentPath(), bodyBytes: body.length }, SECONDS);
  },
  async notmodified(registry) {
    await publishDocument(await newAccount(registry));
    const { body, etag } = await readDocument(registry.url);
    const url = registry.url + documentPath();
    return () => load({ url, bodyBytes: 0, answerBytesMax: body.length, headers: { "if-none-match": etag } }, SECONDS);
  },
  async download(registry) {
    const archive = archiveOf(ARCHIVE.name, ARCHIVE.bytes);
    await publishArchive(await newAccount(registry), ARCHIVE.name, archive);
    return () => load({ url: registry.url + downloadPath(ARCHIVE.name), bodyBytes: archive.length }, SECONDS);
  },
  async many({ url }, directory) {
    const many = loadOf(directory, "asked", manyNames().asked, 1)(url);
    await load(many, WARM_UP_SECONDS);
    return () => load(many, SECONDS);
  },
  publish: publishing,
};

/**
 * Returns the functions with the most self time between two moments, with their share of the busy
 * time.
 */
function topFunctions({ nodes, samples, timeDeltas }: Profile, fromMs: number, toMs: number): string[] {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === "" ? "" : `${url.replace(`file://${ROOT}/`, "").replace(ROOT, "")}:${lineNumber + 1}`;
      return [id, `${functionName === "" ? "(anonymous)" : functionName}  ${place}`] as const;
    }),
  );
  const times = new Map<string, number>();
  let elapsedUs = 0;
  for (const [at, id] of samples.entries()) {
    const name = names.get(id) ?? "(unknown)";
    const tookUs = timeDeltas[at] ?? 0;
    elapsedUs += tookUs;
    const isUnderLoad = elapsedUs >= fromMs * 1_000 && elapsedUs <= toMs * 1_000;
    if (!isUnderLoad || name.startsWith("(idle)")) continue;
    times.set(name, (times.get(name) ?? 0) + tookUs);
  }
  const all = [...times.values()].reduce((sum, time) => sum + time, 0);
  const sorted = [...times].toSorted(([, a], [, b]) => b - a).slice(0, TOP);
  return sorted.map(([name, time]) => `${((100 * time) / all).toFixed(1).padStart(5)} %  ${name}`);
}

/**
 * Runs the registry from source under Bun's profiler with a load, and prints the functions with the
 * most self time.
 */
export async function benchProfile([what = "", keep]: readonly string[]): Promise<void> {
  const prepare = LOADS[what];
  if (prepare === undefined) throw new Error(`No load ${what}. There are: ${Object.keys(LOADS).join(", ")}`);
  await withDirectory(async (directory) => {
    const profiles = keep ?? join(directory, "profiles");
    mkdirSync(profiles, { recursive: true });
    const flags = ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${what}.cpuprofile`];
    const command = [process.execPath, ...flags, join(ROOT, "src/main.ts"), "serve"];
    const settings = { LOG_LEVEL: "silent", PUBLISH_LIMITS: "off", NODE_ENV: "production" };
    const dataDir = what === "many" ? await manyPackages(directory) : directory;
    const startedMs = performance.now();
    const registry = await startRegistry(command, dataDir, settings);
    try {
      const run = await prepare(registry, directory);
      const fromMs = performance.now() - startedMs;
      const rate = await run();
      const toMs = performance.now() - startedMs;
      await registry.stop();
      console.log(`${what}: ${rate.toFixed(0)} /s under the profiler; self time:`);
      const profile: Profile = JSON.parse(readFileSync(join(profiles, `${what}.cpuprofile`), "utf8"));
      console.log(topFunctions(profile, fromMs, toMs).join("\n"));
    } finally {
      await registry.stop();
    }
  });
}
