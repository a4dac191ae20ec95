/**
 * A real S3 server for tests and for trying things out: Versity's S3 gateway on a directory.
 *
 *     npm run s3 -- install                      installs it and prints its path
 *     npm run s3 -- run [--port N] [--dir D]     runs it on 127.0.0.1 until Ctrl-C
 *
 * No npm package has an S3 server, so this one is compiled from the Go module proxy, whose checksum
 * database vouches for the sources. That needs Go and the network, once, and takes more than a
 * minute.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { launchOnFreePort } from "../test/support/ports.ts";
import { dismiss, stderrEndOf, unrefPipe } from "../test/support/process-family.ts";
import { waitUntil } from "../test/support/wait-until.ts";

const VERSION = "v1.8.0";
const MODULE = `github.com/versity/versitygw/cmd/versitygw@${VERSION}`;
const GO_USUAL = "/usr/local/go/bin/go";
const INSTALL_TIMEOUT_MS = 600_000;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 3_000;
const REGION = "us-east-1";
const RUN_BUCKET = "cpm-registry";

export type Installed = { readonly binary: string } | { readonly missing: string };

export interface S3Address {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/**
 * A server that one caller starts and stops. Its address and its objects stay the same over
 * restarts.
 */
export interface S3Server extends S3Address {
  /** Its directories are the buckets, their files the objects. */
  readonly directory: string;
  start(): Promise<void>;
  /** Ends it with SIGTERM, and with SIGKILL if that takes long. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Stops it with SIGSTOP. Once this resolves, connections stay open and get no answer. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Ends the server and removes its files, unless the directory was given. */
  remove(): Promise<void>;
}

export interface S3ServerOptions {
  readonly binary: string;
  /** A free port, unless given. */
  readonly port?: number;
  /** A temporary directory, unless given. */
  readonly directory?: string;
}

/** The settings of a registry that keeps its archives in a bucket. */
export function storageSettings(server: S3Address, bucket: string): Record<string, string> {
  return {
    STORAGE_TYPE: "S3",
    STORAGE_ENDPOINT: server.endpoint,
    STORAGE_BUCKET_NAME: bucket,
    STORAGE_ACCESS_KEY: server.accessKey,
    STORAGE_SECRET_KEY: server.secretKey,
    STORAGE_REGION: server.region,
  };
}

/**
 * Compiles the server, unless that was done before. Concurrent callers see a whole file or none.
 */
export async function installS3Server(): Promise<Installed> {
  if (process.platform === "win32") return { missing: "the S3 server for tests does not run on Windows" };
  const home = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "cpm-registry", `versitygw-${VERSION}`);
  const binary = join(home, "versitygw");
  if (existsSync(binary)) return { binary };
  const go = Bun.which("go") ?? (existsSync(GO_USUAL) ? GO_USUAL : undefined);
  if (go === undefined) return { missing: `${MODULE} has to be compiled, and Go is not installed` };
  console.error(`cpm-registry: compiling ${MODULE} (once, takes more than a minute) …`);
  let building: string | undefined;
  try {
    mkdirSync(home, { recursive: true });
    building = mkdtempSync(join(home, "building-"));
    await compile(go, building);
    renameSync(join(building, "versitygw"), binary);
    return { binary };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  } finally {
    if (building) rmSync(building, { recursive: true, force: true });
  }
}

/** Compiles with Go into `directory`. Throws the end of Go's output if that fails. */
async function compile(go: string, directory: string): Promise<void> {
  const build = Bun.spawn([go, "install", MODULE], {
    cwd: directory,
    // The user's own Go settings must not change what is compiled.
    env: { ...process.env, GOBIN: directory, GOFLAGS: "", GOOS: "", GOARCH: "" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: INSTALL_TIMEOUT_MS,
  });
  const [log, exitCode] = await Promise.all([new Response(build.stderr).text(), build.exited]);
  const reason = log.trim().split("\n").slice(-3).join(" / ") || `exit code ${exitCode}`;
  if (exitCode !== 0) throw new Error(`${go} install ${MODULE} failed: ${reason}`);
}

/** Starts a server on 127.0.0.1. It ends with this process, however that ends. */
export async function startS3Server({ binary, port, directory }: S3ServerOptions): Promise<S3Server> {
  const home = mkdtempSync(join(tmpdir(), "cpm-s3-"));
  const data = directory === undefined ? join(home, "data") : resolve(directory);
  mkdirSync(data, { recursive: true });
  const keys = { accessKey: `cpm${randomBytes(8).toString("hex")}`, secretKey: randomBytes(20).toString("hex") };
  const watchdog = guard(home);
  const launchOn = (on: number) => launch({ binary, home, data, port: on, ...keys });
  try {
    const used =
      port === undefined
        ? await launchOnFreePort(launchOn, "address already in use")
        : { port, running: await launchOn(port) };
    const parts = { running: used.running, launch: () => launchOn(used.port), home, dismiss: () => dismiss(watchdog) };
    return serverOf({ endpoint: `http://127.0.0.1:${used.port}`, region: REGION, directory: data, ...keys }, parts);
  } catch (error) {
    await dismiss(watchdog);
    throw error;
  }
}

interface ServerParts {
  readonly home: string;
  running: ChildProcess | undefined;
  launch(): Promise<ChildProcess>;
  dismiss(): Promise<void>;
}

function serverOf(facts: S3Address & { readonly directory: string }, parts: ServerParts): S3Server {
  const end = async (signal: "SIGTERM" | "SIGKILL") => {
    const { running } = parts;
    parts.running = undefined;
    if (running) await terminate(running, signal);
    // The watchdog must not kill another process that gets this id next.
    rmSync(join(parts.home, "pid"), { force: true });
  };
  return {
    ...facts,
    async start() {
      parts.running ??= await parts.launch();
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    async freeze() {
      parts.running?.kill("SIGSTOP");
      if (parts.running?.pid !== undefined) await stillness(parts.running.pid);
    },
    thaw: () => void parts.running?.kill("SIGCONT"),
    async remove() {
      await end("SIGKILL");
      await parts.dismiss();
    },
  };
}

/**
 * Waits until every thread has stopped. The signal reaches one after the other, and the last may
 * still answer.
 */
async function stillness(pid: number): Promise<void> {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) throw new Error("Freezing the S3 server needs Linux's /proc.");
  const isStopped = (task: string) => /\) T [^)]*$/.test(readFileSync(join(tasks, task, "stat"), "utf8"));
  while (!readdirSync(tasks).every(isStopped)) await Bun.sleep(1);
}

async function terminate(running: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (running.exitCode !== null || running.signalCode !== null) return;
  const ended = new Promise<void>((done) => running.once("exit", () => done()));
  running.kill("SIGCONT"); // A frozen process would not receive SIGTERM.
  running.kill(signal);
  const impatience = setTimeout(() => running.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(impatience);
}

/**
 * Starts a watchdog. It ends the server and removes its files once our end of the pipe closes,
 * which happens however this process ends, also by SIGKILL. The watchdog has its own session, so
 * that Ctrl-C does not end it first.
 */
function guard(home: string): ChildProcess {
  const script = `cat >/dev/null
    if [ -f "$1/pid" ]; then kill -KILL "$(cat "$1/pid")" 2>/dev/null; sleep 0.1; fi
    rm -rf "$1"`;
  const watchdog = spawn("sh", ["-c", script, "cpm-s3-watchdog", home], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
  });
  watchdog.unref();
  unrefPipe(watchdog.stdin);
  return watchdog;
}

interface LaunchParts {
  readonly binary: string;
  readonly home: string;
  readonly data: string;
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
}

async function launch({ binary, home, data, port, accessKey, secretKey }: LaunchParts): Promise<ChildProcess> {
  // No other server answers at this path. Without keep-alive every request would need its own
  // connection.
  const health = `/health-${randomBytes(8).toString("hex")}`;
  const options = ["--port", `127.0.0.1:${port}`, "--quiet", "--keep-alive", "--health", health, "posix", data];
  // The shell records its process id before it becomes the server, so that the watchdog knows every
  // server.
  const running = spawn("sh", ["-c", 'echo $$ >"$0/pid"; exec "$@"', home, binary, ...options], {
    cwd: home,
    env: { PATH: process.env.PATH, ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey, VGW_REGION: REGION },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = stderrEndOf(running);
  running.unref();
  const hasEnded = () => running.exitCode !== null || running.signalCode !== null;
  let isUp = false;
  const answersOrEnded = async () => {
    isUp = await answers(`http://127.0.0.1:${port}${health}`);
    return isUp || hasEnded();
  };
  await waitUntil(answersOrEnded, "the S3 server answers", START_TIMEOUT_MS).catch(() => undefined);
  if (!isUp) {
    running.kill("SIGKILL");
    rmSync(join(home, "pid"), { force: true });
    const noAttributes = `${data} is on a file system without extended attributes (xattr): set TMPDIR to a directory on another one.`;
    throw new Error(log().includes("xattr") ? noAttributes : `The S3 server did not start: ${log()}`);
  }
  return running;
}

async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(1_000), keepalive: false }).catch(() => undefined);
  return answer?.ok === true;
}

const USAGE = `Usage: npm run s3 -- install | run [--port N] [--dir D]
Example: npm run s3 -- run --port 9000 --dir /var/tmp/s3`;

async function run({ binary }: { binary: string }, port: string | undefined, directory: string | undefined) {
  const server = await startS3Server({
    binary,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(directory === undefined ? {} : { directory }),
  });
  mkdirSync(join(server.directory, RUN_BUCKET), { recursive: true });
  for (const [name, value] of Object.entries(storageSettings(server, RUN_BUCKET))) console.log(`${name}=${value}`);
  const alive = setInterval(() => {}, 60_000); // The server itself does not keep this process alive.
  await new Promise<void>((stopped) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopped());
  });
  clearInterval(alive);
  await server.remove();
}

async function main(): Promise<void> {
  const options = { port: { type: "string" }, dir: { type: "string" }, help: { type: "boolean" } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [command = ""] = positionals;
  if (values.help) return console.log(USAGE);
  if (positionals.length !== 1 || !["install", "run"].includes(command)) throw new Error(USAGE);
  const installed = await installS3Server();
  if ("missing" in installed) throw new Error(installed.missing);
  if (command === "install") return console.log(installed.binary);
  await run(installed, values.port, values.dir);
}

if (import.meta.main) {
  const problem = await main().catch((error: Error) => error);
  if (problem) console.error(problem.message);
  process.exit(problem ? 1 : 0);
}
