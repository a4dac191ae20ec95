import { join } from "node:path";
import { heading, progress, report } from "./measure.ts";
import { BINARY, buildBinary, ROOT, startBinary, withDirectory } from "./registry.ts";

const ROUNDS = 3;
const PACKAGES = 40_000;
const VERSIONS = 100_000;
const GOAL_S = 10;

/**
 * Runs a command and returns its output and the processor time that it took, in seconds. Throws
 * when it failed.
 */
async function output(command: readonly string[], env: Readonly<Record<string, string>>) {
  const child = Bun.spawn([...command], { env: { ...env }, cwd: ROOT, stdout: "pipe", stderr: "inherit" });
  const [text, exitCode] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}: ${text}`);
  return { text, processorS: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6 };
}

/** Measures an audit with this home directory, from starting the program to its end. */
async function auditing(url: string, home: string): Promise<{ seconds: number; processorS: number }> {
  const startedMs = performance.now();
  const { text, processorS } = await output([BINARY, "log", "audit", "--registry", url, "--json"], { HOME: home });
  const answer = JSON.parse(text);
  const seconds = (performance.now() - startedMs) / 1_000;
  if (!answer.verified || answer.size < VERSIONS) throw new Error(`The audit found ${JSON.stringify(answer)}`);
  return { seconds, processorS };
}

/**
 * Measures `log audit` on a log of a hundred thousand versions by two thousand publishers, which
 * `npm run fill` makes with the log's own code. Registry and audit share the machine.
 */
export async function benchAudit(): Promise<void> {
  buildBinary();
  await withDirectory(async (directory) => {
    const [data, PATH] = [join(directory, "data"), process.env.PATH ?? ""];
    progress(`${VERSIONS} versions are made`);
    const sizes = ["--packages", String(PACKAGES), "--versions", String(VERSIONS), "--archives", "none"];
    await output([process.execPath, "scripts/fill.ts", ...sizes], { PATH, DATA_DIR: data, LOG_LEVEL: "error" });
    const registry = await startBinary(data);
    const whole: number[] = [];
    const processor: number[] = [];
    const again: number[] = [];
    try {
      for (let round = 1; round <= ROUNDS; round += 1) {
        progress(`log audit: round ${round} of ${ROUNDS}`);
        const home = join(directory, `home-${round}`);
        const { seconds, processorS } = await auditing(registry.url, home);
        whole.push(seconds);
        processor.push(processorS);
        again.push((await auditing(registry.url, home)).seconds);
      }
    } finally {
      await registry.stop();
    }
    progress();
    console.log(heading());
    report(`log audit of ${VERSIONS} versions`, whole, "s", `< ${GOAL_S} s`, 1);
    report("log audit, time of all processors", processor, "s", "", 1);
    report("log audit again, nothing new", again, "s", "", 1);
  });
}
