import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Outcome, type Place, runOnce } from "../binary/executable.ts";
import { sha256 } from "../support/client.ts";
import { PROGRAM } from "../support/program.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY, type TestRegistry } from "../support/registry.ts";

export const HOUR_MS = 3_600_000;

/** Runs a command as a process of its own, with no settings but the given ones. */
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

/** The settings of an offline command on the database and files of a registry in this process. */
function offlineSettings({ deps, dataDir }: TestRegistry): Record<string, string> {
  const { database } = deps.config;
  if (database.kind === "sqlite") return { DATA_DIR: dataDir };
  const { host, port, database: name, username, password } = database.connection;
  const url = `postgres://${username}:${encodeURIComponent(password.reveal())}@${host}:${port}/${name}`;
  return { DATA_DIR: dataDir, DATABASE_URL: url };
}

/** Runs an offline command on the database and files of a running registry. */
export function runOffline(registry: TestRegistry, ...args: string[]): Promise<Outcome> {
  return runOnce(placeOf(offlineSettings(registry)), ...args);
}

/** Runs an offline command that reads `input` from standard input. */
export function pipeOffline(registry: TestRegistry, input: string, ...args: string[]): Promise<Outcome> {
  return runOnce({ ...placeOf(offlineSettings(registry)), input }, ...args);
}

/** The path of a blob in a store on files. */
export function pathOf(storeDir: string, digest: string): string {
  return join(storeDir, "sha256", digest.slice(0, 2), digest);
}

/**
 * Writes a file under a digest, which may be wrong for these bytes, with a modification time
 * `ageMs` ago. Returns the digest.
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
 * Returns the states of the processes whose environment contains this setting, such as `T` for a
 * stopped process.
 */
export function statesOf(setting: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(setting)) return [];
      // The state follows the name, which may contain anything: pid (name) state.
      return [/\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "?"];
    } catch {
      return [];
    }
  });
}
