import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../test/support/ports.ts";

const ROOT = join(import.meta.dir, "../..");
const BINARY = join(ROOT, "dist/cpm-registry");
const START_TIMEOUT_MS = 20_000;

/** A registry in a process of its own: the executable, as it is delivered. */
export interface BenchRegistry {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** From starting the process to its first answer. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** Builds the executable that `startBinary` starts. */
export function buildBinary(): void {
  const build = Bun.spawnSync([process.execPath, "scripts/build.ts"], {
    cwd: ROOT,
    stdout: "inherit",
    stderr: "inherit",
  });
  if (build.exitCode !== 0) throw new Error("The build failed");
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

/** Starts the binary on a data directory and asks for a list of packages, which reads the database. */
export async function startBinary(
  dataDir: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchRegistry> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const path = process.env.PATH ?? "";
  const env = { PATH: path, DATA_DIR: dataDir, PORT: String(port), HOST: "127.0.0.1", ...settings };
  const startedMs = performance.now();
  const server = Bun.spawn([BINARY], { env, cwd: dataDir, stdout: "ignore", stderr: "inherit" });
  const stop = async () => {
    server.kill("SIGTERM");
    await server.exited;
  };
  try {
    await firstAnswer(`${url}/api/packages`);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { url, port, pid: server.pid, startMs: performance.now() - startedMs, stop };
}

/** Runs `work` with a directory that is gone afterwards. */
export async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "cpm-registry-bench-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
