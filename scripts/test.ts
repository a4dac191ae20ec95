/**
 * `npm test` runs every test against SQLite and against one Postgres and one S3 server that this
 * run starts for itself.
 *
 *     npm test                    everything but DEEP and the long forms
 *     npm test -- test/faults     only these; `bun test` gets all other arguments as they are
 *     npm run test:deep           DEEP
 *     npm run test:faults         test/crash and test/faults, long forms too, one file at a time;
 *                                 -- test/faults/recover.test.ts only these
 *     npm run test:fuzz           test/fuzz, long forms too; -- test/fuzz/packers.test.ts only these
 *     npm run test:release        test/release, with a release for all systems
 *
 * A long form is a file `*.long.test.ts`, or a test that runs longer with TEST_LONG=1. The last
 * line is `N passed, N failed`, with `, N skipped` if tests were skipped: continuous integration
 * reads it.
 */
import { buildIfOutdated, EXECUTABLE } from "../test/binary/build-executable.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { startSharedS3 } from "../test/support/s3.ts";

/**
 * Twice the cores that we count on: half of the time a file waits for a process, a deadline or a
 * pause.
 */
const PROCESSES = 4;
/**
 * How long each file takes, so that no long one starts last. `npm test -- --update-timings`
 * measures them anew.
 */
const TIMINGS = "test/timings.json";
/**
 * The first test on Postgres waits for the server too, and a busy machine makes everything slower.
 */
const TEST_TIMEOUT_MS = 60_000;
/**
 * Thousands of tests with real processes on a busy machine: one that fails by chance must not stop
 * a change. A test that passes only at its second attempt is printed as such.
 */
const RETRY = ["--retry=1"];

/**
 * Tests that kill, freeze and fill real parts, that try thousands of requests or every role, move
 * and restore whole registries, build the image or look at every page take half of the time.
 * Without them `npm test` stays near five minutes on two cores. Continuous integration runs them
 * too.
 */
const DEEP = [
  "test/crash",
  "test/faults",
  "test/recovery",
  "test/api/many-packages.test.ts",
  "test/api/mass-assignment.test.ts",
  "test/api/pending-rebuilds.test.ts",
  "test/api/permissions.test.ts",
  "test/api/permissions-ended.test.ts",
  "test/api/publish-batches.test.ts",
  "test/api/s3.test.ts",
  "test/api/webhooks.test.ts",
  "test/binary/image.test.ts",
  "test/browser/accessibility.test.ts",
  "test/browser/api-page.test.ts",
  "test/browser/hostile-pages.test.ts",
  "test/browser/journey.test.ts",
  "test/client/newcomer.test.ts",
  "test/contract/blob-store.test.ts",
  "test/docs/backup.test.ts",
  "test/docs/compose-loader.test.ts",
  "test/docs/log-keys.test.ts",
  "test/docs/webhooks.test.ts",
  "test/fuzz/schemathesis.test.ts",
  "test/maintenance/accounts.test.ts",
  "test/maintenance/admin.test.ts",
  "test/maintenance/backup.test.ts",
  "test/maintenance/db-copy.test.ts",
  "test/maintenance/events-export.test.ts",
  "test/maintenance/fsck.test.ts",
  "test/maintenance/takedown.test.ts",
  "test/release/kubernetes-schemas.test.ts",
  "test/release/whole-release.test.ts",
  "test/verify/audit.test.ts",
  "test/verify/histories.test.ts",
  "test/web/permissions.test.ts",
];
const DEEP_FLAG = "--deep";
const LONG = "**/*.long.test.ts";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Translates the first argument into arguments and environment of `bun test`. */
function plan(args: readonly string[]): { args: string[]; env: Record<string, string> } {
  const [first, ...rest] = args;
  const long = { TEST_LONG: "1" };
  // `--parallel` also with one process: then a file that calls process.exit() or crashes is counted
  // as a failure.
  if (first === "--faults") {
    const files = isPart(rest) ? rest : ["test/crash", "test/faults", ...rest];
    return { args: ["--parallel=1", ...files], env: long };
  }
  if (first === "--release") return { args: ["--parallel=1", "test/release", ...rest], env: long };
  if (first === "--fuzz") {
    const files = isPart(rest) ? rest : ["test/fuzz", ...rest];
    return { args: [`--parallel=${PROCESSES}`, ...files], env: long };
  }
  const isDeep = first === DEEP_FLAG;
  const left = isPart(args) ? [LONG] : [LONG, ...DEEP.map((path) => (path.endsWith(".ts") ? path : `${path}/**`))];
  const ignored = left.map((pattern) => `--path-ignore-patterns=${pattern}`);
  const files = isDeep ? [...DEEP, ...rest] : args;
  return { args: [`--parallel=${PROCESSES}`, `--timings=${TIMINGS}`, ...ignored, ...files], env: {} };
}

/**
 * Reads Bun's closing summary. An error outside a test counts as a failure, and so does a run
 * without a summary.
 */
function readCounts(output: string, exitCode: number): Counts {
  const count = (word: string) => Number(output.match(new RegExp(`^\\s*(\\d+) ${word}$`, "m"))?.[1] ?? 0);
  const failed = count("fail") + count("errors?");
  const complete = /^Ran \d+ tests? across/m.test(output) && (exitCode === 0 || failed > 0);
  return { passed: count("pass"), failed: complete ? failed : failed + 1, skipped: count("skip") + count("todo") };
}

/** Shows the stream as it comes. Returns its end, which has the summary, without colours. */
async function showAndKeepEnd(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let end = "";
  for await (const chunk of stream) {
    process.stderr.write(chunk);
    end = (end + decoder.decode(chunk, { stream: true })).slice(-16_384);
  }
  return Bun.stripANSI(end);
}

/**
 * Whether only some files run. They start services themselves: compiling the S3 server takes longer
 * than most files.
 */
function isPart(args: readonly string[]): boolean {
  return args.some((arg) => !arg.startsWith("-") || arg === DEEP_FLAG);
}

async function sharedS3(args: readonly string[]) {
  return isPart(args) ? { env: {}, remove: async () => undefined } : startSharedS3();
}

/**
 * Builds the program that tests start as a process (test/support/program.ts), and names it to them.
 */
async function program(args: readonly string[]): Promise<Record<string, string>> {
  if (isPart(args)) return {};
  await buildIfOutdated();
  return { TEST_PROGRAM: EXECUTABLE };
}

async function run(asked: readonly string[], services: Readonly<Record<string, string>>): Promise<Counts> {
  const { args, env } = plan(asked);
  const flags = [`--timeout=${TEST_TIMEOUT_MS}`, ...(process.env.CI === "true" ? RETRY : [])];
  const tests = Bun.spawn([process.execPath, "--no-orphans", "test", ...flags, ...args], {
    env: {
      ...process.env,
      ...env,
      ...(process.stderr.isTTY ? { FORCE_COLOR: "1" } : {}),
      ...services,
    },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
  });
  // The signal ends only the tests. This process goes on, removes the database and prints the
  // counts.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => tests.kill(signal));
  const [output, exitCode] = await Promise.all([showAndKeepEnd(tests.stderr), tests.exited]);
  return readCounts(output, exitCode);
}

async function main(): Promise<number> {
  const asked = process.argv.slice(2);
  const given = process.env.TEST_DATABASE_URL;
  const starting = [given ? undefined : startPostgres(), sharedS3(asked), program(asked)] as const;
  const [postgres, s3, built] = await Promise.all(starting);
  try {
    const { passed, failed, skipped } = await run(asked, {
      TEST_DATABASE_URL: given || (postgres?.url ?? ""),
      ...s3.env,
      ...built,
    });
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
    return failed === 0 ? 0 : 1;
  } finally {
    await Promise.all([postgres?.remove(), s3.remove()]);
  }
}

process.exit(await main());
