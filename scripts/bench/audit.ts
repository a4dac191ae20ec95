import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { waitUntil } from "../../test/support/wait-until.ts";
import { heading, progress, report } from "./measure.ts";
import { BINARY, buildBinary, ROOT, startBinary, withDirectory } from "./registry.ts";

/** Sizes of logs, how often each is audited, and the goals. */
const SIZES = [
  { versions: 100_000, rounds: 3, goalS: 10, goalMb: 400 },
  { versions: 1_000_000, rounds: 1, goalS: 180, goalMb: 400 },
] as const;
/** The average number of versions in a filled registry. */
const VERSIONS_PER_PACKAGE = 2.5;
const TILES_WRITTEN_WITHIN_MS = 600_000;

/**
 * Runs a command and returns its output, the processor time that it took, in seconds, and the most
 * memory that it had. Throws when it failed.
 */
async function output(command: readonly string[], env: Readonly<Record<string, string>>) {
  const child = Bun.spawn([...command], { env: { ...env }, cwd: ROOT, stdout: "pipe", stderr: "inherit" });
  const [text, exitCode] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}: ${text}`);
  const used = child.resourceUsage();
  return { text, processorS: Number(used?.cpuTime.total ?? 0) / 1e6, memoryMb: Number(used?.maxRSS ?? 0) / 1e6 };
}

/** How large the state is that an audit saved for the next one. */
async function stateMb(home: string): Promise<number> {
  const directory = join(home, ".cpm", "log");
  const names = (await readdir(directory)).filter((name) => name.startsWith("audit-"));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0) / 1e6;
}

/** Measures an audit with this home directory, from starting the program to its end. */
async function auditing(url: string, home: string, versions: number) {
  const startedMs = performance.now();
  const { text, ...used } = await output([BINARY, "log", "audit", "--registry", url, "--json"], { HOME: home });
  const answer = JSON.parse(text);
  const seconds = (performance.now() - startedMs) / 1_000;
  if (!answer.verified || answer.size < versions) throw new Error(`The audit found ${JSON.stringify(answer)}`);
  return { seconds, ...used };
}

/**
 * Measures `log audit` on a log of a hundred thousand versions, and with `npm run bench -- log
 * audit large` of a million, by two thousand publishers. `npm run fill` makes it with the log's own
 * code. Registry and audit share the machine.
 */
export async function benchAudit(parts: readonly string[]): Promise<void> {
  buildBinary();
  const [small, large] = SIZES;
  await measureAudit(parts.includes("large") ? large : small);
}

async function measureAudit({ versions, rounds, goalS, goalMb }: (typeof SIZES)[number]): Promise<void> {
  await withDirectory(async (directory) => {
    const [data, PATH] = [join(directory, "data"), process.env.PATH ?? ""];
    progress(`${versions} versions are made`);
    const sizes = [
      "--packages",
      String(versions / VERSIONS_PER_PACKAGE),
      "--versions",
      String(versions),
      "--archives",
      "none",
    ];
    await output([process.execPath, "scripts/fill.ts", ...sizes], { PATH, DATA_DIR: data, LOG_LEVEL: "error" });
    const registry = await startBinary(data);
    // After a fill, the first start writes the log's tiles beside the archives.
    await waitUntil(() => existsSync(join(data, "log/checkpoint")), "the tiles are written", TILES_WRITTEN_WITHIN_MS);
    const whole: number[] = [];
    const processor: number[] = [];
    const again: number[] = [];
    const memory: number[] = [];
    const stored: number[] = [];
    try {
      for (let round = 1; round <= rounds; round += 1) {
        progress(`log audit: round ${round} of ${rounds}`);
        const home = join(directory, `home-${round}`);
        const { seconds, processorS, memoryMb } = await auditing(registry.url, home, versions);
        whole.push(seconds);
        processor.push(processorS);
        memory.push(memoryMb);
        stored.push(await stateMb(home));
        again.push((await auditing(registry.url, home, versions)).seconds);
      }
    } finally {
      await registry.stop();
    }
    progress();
    console.log(heading());
    report(`log audit of ${versions} versions`, whole, "s", `< ${goalS} s`, 1);
    report("log audit, time of all processors", processor, "s", "", 1);
    report("log audit, most memory", memory, "MB", `< ${goalMb} MB`, 0);
    report("log audit, its saved state", stored, "MB", "", 1);
    report("load of the machine", [loadavg()[0] ?? 0], "", "", 1);
    report("log audit again, nothing new", again, "s", "", 1);
  });
}
