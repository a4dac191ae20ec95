import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Outcome, type Place, runOnce } from "../binary/executable.ts";
import { sha256 } from "../support/client.ts";
import { PROGRAM } from "../support/program.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY, type TestRegistry } from "../support/registry.ts";

export const HOUR_MS = 3_600_000;

/** Runs a command of the registry as a process of its own, with no more settings than given. */
export function runCommand(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome> {
  return runOnce(placeOf(env), ...args);
}

function placeOf(env: Readonly<Record<string, string>>): Place {
  return {
    command: PROGRAM,
    cwd: "/",
    env: { JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY, ...env },
  };
}

/** The settings of a command beside a registry of this process, on the same database and files. */
function offlineSettings({ deps, dataDir }: TestRegistry): Record<string, string> {
  const { database } = deps.config;
  if (database.kind === "sqlite") return { DATA_DIR: dataDir };
  const { host, port, database: name, username, password } = database.connection;
  const url = `postgres://${username}:${encodeURIComponent(password.reveal())}@${host}:${port}/${name}`;
  return { DATA_DIR: dataDir, DATABASE_URL: url };
}

/** Runs a command beside a registry. */
export function runOffline(registry: TestRegistry, ...args: string[]): Promise<Outcome> {
  return runOnce(placeOf(offlineSettings(registry)), ...args);
}

/** Runs a command beside a registry, which reads `input` from standard input. */
export function pipeOffline(registry: TestRegistry, input: string, ...args: string[]): Promise<Outcome> {
  return runOnce({ ...placeOf(offlineSettings(registry)), input }, ...args);
}

/** Where a store keeps a blob. */
export function pathOf(storeDir: string, digest: string): string {
  return join(storeDir, "sha256", digest.slice(0, 2), digest);
}

/**
 * Writes bytes under a digest, which may not be theirs, as they were `ageMs` ago; returns the
 * digest.
 */
export async function plant(storeDir: string, bytes: Uint8Array, ageMs: number, digest = sha256(bytes)) {
  const path = pathOf(storeDir, digest);
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await writeFile(path, bytes);
  await makeOlder(path, ageMs);
  return digest;
}

export async function makeOlder(path: string, ageMs: number): Promise<void> {
  const then = new Date(Date.now() - ageMs);
  await utimes(path, then, then);
}

export function isStored(storeDir: string, digest: string): boolean {
  return existsSync(pathOf(storeDir, digest));
}

/**
 * The states of the processes whose environment has this setting, such as `T` for a stopped one.
 */
export function statesOf(setting: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(setting)) return [];
      // After the name, which may hold anything: pid (name) state.
      return [/\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "?"];
    } catch {
      return [];
    }
  });
}
