import { type ChildProcess, spawn } from "node:child_process";
import { TEST_METRICS_TOKEN } from "../support/metrics.ts";
import { freePort } from "../support/ports.ts";
import { unrefPipe } from "../support/process-family.ts";
import { PROGRAM, SOURCES } from "../support/program.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const START_TIMEOUT_MS = 30_000;
const OUTPUT_MAX_CHARS = 4_000;
const ERRORS_MAX_CHARS = 4_000_000;

/** How a process ended. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

type Settings = Readonly<Record<string, string>>;

/** The registry as a process. Its address and its data stay the same over restarts. */
export interface ServerProcess {
  readonly url: string;
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  /** The end of what it printed since its last start. */
  readonly output: () => string;
  /** The first lines that its last life wrote on stderr. */
  readonly errorLines: () => readonly string[];
  /** Starts it, with additional settings for this life only, and waits until it answers. */
  start(settings?: Settings): Promise<void>;
  /** Sends a signal without waiting. Does nothing if the process does not run. */
  signal(signal: NodeJS.Signals): void;
  /** When and how the last life ended. */
  ended(): Promise<Ending>;
  isRunning(): boolean;
  /** The process id of its last life. */
  pid(): number | undefined;
  /** Sends SIGKILL, and waits until the process is gone. */
  kill(): Promise<void>;
  /** Runs another command of the registry with the same settings to its end. */
  run(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** Kills it for good. */
  remove(): Promise<void>;
}

/**
 * Kills the process whose id came last, once our end of the pipe closes. That happens however this
 * process ends, also by SIGKILL. A zero disarms it, because the id of an ended process may be
 * reused.
 */
function guard(): { watch(pid: number): void; dismiss(): void } {
  const script = 'last=0; while read -r pid; do last=$pid; done; [ "$last" -gt 0 ] && kill -KILL "$last"';
  const child = spawn("sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"], cwd: "/" });
  child.unref();
  unrefPipe(child.stdin);
  return { watch: (pid) => void child.stdin?.write(`${pid}\n`), dismiss: () => void child.stdin?.end("0\n") };
}

/** Waits until `url` answers, or throws with what the process printed. */
async function answering(url: string, { child, output }: Life): Promise<void> {
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const isAnswering = async () => {
    // A refused connection means that nobody listens yet.
    const answer = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    return answer?.ok === true || hasEnded();
  };
  await waitUntil(isAnswering, "the server answers", START_TIMEOUT_MS).catch((cause) => {
    throw new Error(`The server does not answer:\n${output()}`, { cause });
  });
  if (hasEnded()) throw new Error(`The server did not start:\n${output()}`);
}

/** One life of a server. */
interface Life {
  readonly child: ChildProcess;
  readonly ending: Promise<Ending>;
  readonly output: () => string;
  readonly errors: () => string;
}

function launch(program: readonly string[], env: Settings, watch: (pid: number) => void): Life {
  const [command = "", ...words] = "FAILPOINTS" in env ? SOURCES : program;
  const child = spawn(command, [...words, "serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid !== undefined) watch(child.pid);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (text: Buffer) => {
      printed = (printed + text.toString()).slice(-OUTPUT_MAX_CHARS);
    });
  }
  let errors = "";
  child.stderr?.on("data", (text: Buffer) => {
    if (errors.length < ERRORS_MAX_CHARS) errors += text.toString();
  });
  const ending = new Promise<Ending>((done) =>
    child.once("exit", (exitCode, signal) => {
      watch(0);
      done({ exitCode, signal });
    }),
  );
  return { child, ending, output: () => printed, errors: () => errors };
}

async function runToEnd(program: readonly string[], env: Settings, args: readonly string[]) {
  const command = Bun.spawn([...program, ...args], { env, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(command.stdout).text(),
    new Response(command.stderr).text(),
    command.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/**
 * Prepares a server in `dataDir`; `start` starts it. Without `databaseUrl` it uses SQLite. `program`
 * is what runs.
 */
export async function prepareServer(
  dataDir: string,
  databaseUrl?: string,
  extra: Settings = {},
  program: readonly string[] = PROGRAM,
): Promise<ServerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env: Settings = {
    PATH: process.env.PATH ?? "",
    PORT: String(port),
    HOST: "127.0.0.1",
    DATA_DIR: dataDir,
    JWT_KEY: TEST_JWT_KEY,
    METRICS_TOKEN: TEST_METRICS_TOKEN,
    LOG_SIGNING_KEY: TEST_LOG_KEY,
    LOG_LEVEL: "warn",
    // A hundred lives of publishers publish more than the limit of an hour.
    PUBLISH_LIMITS: "off",
    REGISTRATIONS_PER_HOUR: "1000000",
    // Lets one machine stand for many clients.
    TRUSTED_PROXIES: "127.0.0.1",
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...extra,
  };
  const watchdog = guard();
  let life: Life | undefined;
  const isRunning = () => life !== undefined && life.child.exitCode === null && life.child.signalCode === null;
  const kill = async () => {
    if (isRunning()) life?.child.kill("SIGKILL");
    await life?.ending;
  };
  return {
    url,
    dataDir,
    databaseUrl,
    isRunning,
    pid: () => life?.child.pid,
    kill,
    output: () => life?.output() ?? "",
    errorLines: () => (life?.errors() ?? "").split("\n").filter((line) => line !== ""),
    async start(settings = {}) {
      if (isRunning()) throw new Error("The server runs already");
      life = launch(program, { ...env, ...settings }, watchdog.watch);
      await answering(url, life);
    },
    signal: (signal) => void (isRunning() && life?.child.kill(signal)),
    ended: async () => (await life?.ending) ?? { exitCode: null, signal: null },
    run: (...args) => runToEnd(program, env, args),
    async remove() {
      await kill();
      watchdog.dismiss();
    },
  };
}
