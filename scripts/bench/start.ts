import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../test/support/ports.ts";

const ROOT = join(import.meta.dir, "../..");
const BINARY = join(ROOT, "dist/cpm-registry");
const ROUNDS = 15;
const START_GOAL_MS = 250;
const IDLE_GOAL_MB = 90;
const START_TIMEOUT_MS = 20_000;
/** After this long without a request the process is idle: migrations are done, the collector has run. */
const SETTLE_MS = 3_000;

interface Sample {
  readonly startMs: number;
  readonly idleMb: number | undefined;
}

async function firstAnswer(url: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    try {
      const response = await fetch(url);
      await response.arrayBuffer();
      if (response.ok) return;
    } catch {
      await Bun.sleep(2);
    }
  }
  throw new Error(`No answer from ${url} within ${START_TIMEOUT_MS / 1000} s`);
}

/** Resident memory of a process in MB, where the system tells it. */
function residentMb(pid: number): number | undefined {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return undefined;
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(status, "utf8"))?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

/** Starts the binary on a data directory and asks for a list of packages, which reads the database. */
async function sample(dataDir: string, settle: boolean): Promise<Sample> {
  const port = await freePort();
  const env = { PATH: process.env.PATH ?? "", DATA_DIR: dataDir, PORT: String(port), HOST: "127.0.0.1" };
  const startedMs = performance.now();
  const server = Bun.spawn([BINARY], { env, cwd: dataDir, stdout: "ignore", stderr: "inherit" });
  try {
    await firstAnswer(`http://127.0.0.1:${port}/api/packages`);
    const startMs = performance.now() - startedMs;
    if (settle) await Bun.sleep(SETTLE_MS);
    return { startMs, idleMb: settle ? residentMb(server.pid) : undefined };
  } finally {
    server.kill("SIGTERM");
    await server.exited;
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function row(what: string, values: readonly number[], unit: string, goal: string): string {
  const spread = `${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)}`;
  return `${what.padEnd(40)}${`${median(values).toFixed(0)} ${unit}`.padStart(9)}   ${spread.padStart(9)}   ${goal}`;
}

/** Start of the compiled binary to its first answer from SQLite, and its memory when idle. */
export async function benchStart(): Promise<void> {
  const build = Bun.spawnSync([process.execPath, "scripts/build.ts"], {
    cwd: ROOT,
    stdout: "inherit",
    stderr: "inherit",
  });
  if (build.exitCode !== 0) throw new Error("The build failed");
  const dataDir = mkdtempSync(join(tmpdir(), "cpm-registry-bench-"));
  try {
    const first = await sample(dataDir, false);
    const started: number[] = [];
    const idle: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      process.stderr.write(`\rround ${round} of ${ROUNDS} `);
      const { startMs, idleMb } = await sample(dataDir, round % 3 === 0);
      started.push(startMs);
      if (idleMb !== undefined) idle.push(idleMb);
    }
    process.stderr.write("\r                  \r");
    console.log(`${"".padEnd(40)}${"median".padStart(9)}   ${"spread".padStart(9)}   goal`);
    console.log(row("start, empty directory (makes database)", [first.startMs], "ms", ""));
    console.log(row("start to first answer", started, "ms", `< ${START_GOAL_MS} ms`));
    if (idle.length > 0) console.log(row("idle memory (resident)", idle, "MB", `< ${IDLE_GOAL_MB} MB`));
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
