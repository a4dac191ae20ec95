import { rmSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { makeLogKey } from "../../src/config/log-key.ts";
import { newAccount } from "../../test/support/client.ts";
import { startPostgres } from "../../test/support/postgres.ts";
import { draftsOf, fill } from "./filling.ts";
import { percentile, timeOf } from "./latency.ts";
import { heading, progress, ratios, report, startSection } from "./measure.ts";
import { preparePublish, send } from "./publishing.ts";
import { type BenchRegistry, BINARY, buildBinary, startBinary, withDirectory } from "./registry.ts";

const SIZE = { packages: 20_000, versions: 100_000 };
const COPY_GOAL = 5_000;
const LATENCY_GOAL = 1.2;
const ROUNDS = 3;
/** How often a read and a publish begin, whatever the answers take: as clients of a registry do. */
const READS_PER_SECOND = 100;
const PUBLISHES_PER_SECOND = 4;
const QUIET_MS = 10_000;

type Env = Readonly<Record<string, string>>;

/** Runs a command of the executable with `--json`. Returns what it printed, and its processor time. */
async function run(env: Env, ...args: string[]) {
  const child = Bun.spawn([BINARY, ...args, "--json"], { env, cwd: "/", stdout: "pipe", stderr: "inherit" });
  const [text, exitCode] = [await new Response(child.stdout).text(), await child.exited];
  if (exitCode !== 0) throw new Error(`${args.join(" ")} ended with ${exitCode}: ${text}`);
  return { ...JSON.parse(text), processorS: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6 };
}

interface Way {
  readonly name: string;
  readonly rates: number[];
  readonly processor: number[];
}

/** Measures `db copy` of a hundred thousand versions in both directions. */
async function benchCopy(directory: string, env: Env): Promise<void> {
  const postgres = await startPostgres({ durable: true });
  const ways = ["SQLite to Postgres", "Postgres to SQLite"].map((name) => ({ name, rates: [], processor: [] }) as Way);
  const admin = new Bun.SQL(postgres.url);
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      progress(`db copy: round ${round} of ${ROUNDS}`);
      await admin.unsafe(`CREATE DATABASE copy_${round}`);
      const url = postgres.url.replace(/\/[^/]*$/, `/copy_${round}`);
      const back = join(directory, "back.db");
      const there = await run(env, "db", "copy", "--from", env.DATA_DIR ?? "", "--to", url);
      const here = await run(env, "db", "copy", "--from", url, "--to", back);
      // The copy has marked its source as moved.
      await run(env, "admin", "read-only", "off", "--yes");
      for (const [at, { versions, seconds, processorS }] of [there, here].entries()) {
        ways[at]?.rates.push(versions / seconds);
        ways[at]?.processor.push(processorS);
      }
      rmSync(back);
      await admin.unsafe(`DROP DATABASE copy_${round} WITH (FORCE)`);
    }
  } finally {
    await admin.end();
    await postgres.remove();
  }
  progress();
  startSection(`db copy of ${SIZE.versions} versions`);
  for (const { name, rates, processor } of ways) {
    report(`db copy, ${name}`, rates, "versions/s", `≥ ${COPY_GOAL}`);
    report("  processor time of the command", processor, "s", "", 1);
  }
  report("load of the machine", [loadavg()[0] ?? 0], "", "", 1);
}

/** How long answers took, by kind. */
interface Latencies {
  readonly reads: number[];
  readonly publishes: number[];
}

/** Sends reads and publishes at a fixed pace until `isOver`. */
class Clients {
  #number = 0;

  constructor(
    readonly registry: BenchRegistry,
    readonly names: readonly string[],
    readonly publisher: Awaited<ReturnType<typeof newAccount>>,
  ) {}

  async measure(isOver: () => boolean): Promise<Latencies> {
    const latencies: Latencies = { reads: [], publishes: [] };
    const running: Promise<unknown>[] = [];
    const startedMs = performance.now();
    const every = READS_PER_SECOND / PUBLISHES_PER_SECOND;
    for (let count = 0; !isOver(); count += 1) {
      running.push(this.#read().then((ms) => latencies.reads.push(ms)));
      if (count % every === 0) running.push(this.#publish().then((ms) => latencies.publishes.push(ms)));
      await Bun.sleep(Math.max(0, startedMs + ((count + 1) * 1_000) / READS_PER_SECOND - performance.now()));
    }
    await Promise.all(running);
    return latencies;
  }

  #read(): Promise<number> {
    const name = this.names[Math.floor(Math.random() * this.names.length)] ?? "";
    return timeOf(`${this.registry.url}/api/packages/${name}`);
  }

  async #publish(): Promise<number> {
    this.#number += 1;
    const prepared = await preparePublish(this.publisher, "bench-backup", `1.0.${this.#number}`);
    const startedMs = performance.now();
    await send(prepared);
    return performance.now() - startedMs;
  }
}

async function quietAndBusy(clients: Clients, backup: () => Promise<{ readonly processorS: number }>) {
  const untilMs = performance.now() + QUIET_MS;
  const quiet = await clients.measure(() => performance.now() > untilMs);
  let isOver = false;
  const startedMs = performance.now();
  const done = backup().finally(() => {
    isOver = true;
  });
  const busy = await clients.measure(() => isOver);
  const { processorS } = await done;
  return { quiet, busy, processorS, seconds: (performance.now() - startedMs) / 1_000 };
}

/** Measures what a backup of a hundred thousand versions costs a registry under load. */
async function benchCreate(directory: string, env: Env): Promise<void> {
  const registry = await startBinary(env.DATA_DIR ?? "", { ...env, PUBLISH_LIMITS: "off", LOG_LEVEL: "silent" });
  const [seconds, processor]: [number[], number[]] = [[], []];
  const [quiet, busy]: [Latencies[], Latencies[]] = [[], []];
  try {
    const drafts = draftsOf(SIZE);
    const names = Array.from({ length: 500 }, (_, at) => drafts.package(at * 40).name);
    const clients = new Clients(registry, names, await newAccount(registry));
    for (let round = 0; round <= ROUNDS; round += 1) {
      progress(`backup create: round ${round} of ${ROUNDS}`);
      const backup = join(directory, `backup-${round}`);
      const measured = await quietAndBusy(clients, () => run(env, "backup", "create", backup));
      rmSync(backup, { recursive: true });
      // The first round warms up.
      if (round === 0) continue;
      seconds.push(measured.seconds);
      processor.push(measured.processorS);
      quiet.push(measured.quiet);
      busy.push(measured.busy);
    }
  } finally {
    await registry.stop();
  }
  progress();
  startSection(
    `backup create of ${SIZE.versions} versions, ${READS_PER_SECOND} reads and ${PUBLISHES_PER_SECOND} publishes a second`,
  );
  report("backup create, whole command", seconds, "s", "", 1);
  report("  processor time of the command", processor, "s", "", 1);
  for (const kind of ["reads", "publishes"] as const) {
    const of = (all: readonly Latencies[], percent: number) => all.map((one) => percentile(one[kind], percent));
    report(`${kind} beside it, p50`, of(busy, 50), "ms", "", 2);
    report(`${kind} beside it, p50 to p50 without`, ratios(of(busy, 50), of(quiet, 50)), "×", `≤ ${LATENCY_GOAL} ×`, 2);
    report(`${kind} beside it, p99 to p99 without`, ratios(of(busy, 99), of(quiet, 99)), "×", "", 2);
  }
  report("load of the machine", [loadavg()[0] ?? 0], "", "", 1);
}

const PARTS: Readonly<Record<string, (directory: string, env: Env) => Promise<void>>> = {
  copy: benchCopy,
  create: benchCreate,
};

/** Measures `db copy` and `backup create`; all parts, or those that are named. */
export async function benchBackup(asked: readonly string[]): Promise<void> {
  buildBinary();
  await withDirectory(async (directory) => {
    const env = {
      PATH: process.env.PATH ?? "",
      DATA_DIR: join(directory, "data"),
      JWT_KEY: "a key of this bench, made of many characters 3kQ9",
      LOG_SIGNING_KEY: makeLogKey("bench.test/log"),
    };
    await fill(env.DATA_DIR, SIZE, "pool", { ...env, LOG_LEVEL: "error" });
    console.log(heading());
    for (const [name, measure] of Object.entries(PARTS)) {
      if (asked.length === 0 || asked.includes(name)) await measure(directory, env);
    }
  });
}
