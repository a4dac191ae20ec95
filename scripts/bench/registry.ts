import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../test/support/ports.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

export const ROOT = join(import.meta.dir, "../..");
export const BINARY = join(ROOT, "dist/cpm-registry");
const START_TIMEOUT_MS = 20_000;

/** A registry that runs in its own process. */
export interface BenchRegistry extends ServerProcess {
  readonly url: string;
  readonly port: number;
  /** The time from starting the process to its first answer. */
  readonly startMs: number;
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

/**
 * Starts a registry with `command` on a data directory and waits for a list of packages, which
 * reads the database.
 */
export async function startRegistry(
  command: readonly string[],
  dataDir: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchRegistry> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const path = process.env.PATH ?? "";
  const env = {
    ...{ PATH: path, DATA_DIR: dataDir, PORT: String(port), HOST: "127.0.0.1" },
    // A bench registers all its accounts from one address.
    REGISTRATIONS_PER_HOUR: "1000000",
    ...settings,
  };
  const startedMs = performance.now();
  const server = await startServer({
    ...{ command, url: `${url}/api/packages`, cwd: dataDir, env, timeoutMs: START_TIMEOUT_MS },
    isReady: ({ ok }) => ok,
  });
  return { url, port, ...server, startMs: performance.now() - startedMs };
}

/** Starts the executable on a data directory. */
export function startBinary(dataDir: string, settings?: Readonly<Record<string, string>>): Promise<BenchRegistry> {
  return startRegistry([BINARY], dataDir, settings);
}

/** Runs `work` with a temporary directory and removes it afterwards. */
export async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "cpm-registry-bench-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
