import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { heading, missingRow, progress, report, residentPeakMb } from "./measure.ts";
import { BINARY, buildBinary, startBinary, withDirectory } from "./registry.ts";

const STARTS = 25;
const PUBLISHES = 15;
const DOWNLOADS = 7;
const SMALL_BYTES = 10_000;
const LARGE_BYTES = 20_000_000;
const HUGE_BYTES = 100_000_000;
const WATCH_MS = 5;
const PASSWORD = "a password of the bench";

/** How long a command took, and its peak memory. */
interface Ran {
  readonly ms: number;
  readonly peakMb: number;
}

/** A user of the executable, with files of its own. */
class BenchUser {
  constructor(
    readonly directory: string,
    readonly url: string,
  ) {}

  /** Runs a command and throws when it fails. */
  async run(args: readonly string[], stdin = ""): Promise<Ran> {
    return this.program([BINARY, ...args], stdin);
  }

  async program(command: readonly string[], stdin = ""): Promise<Ran> {
    const env = { PATH: process.env.PATH ?? "", CPM_HOME: join(this.directory, "home"), CPM_REGISTRY: this.url };
    const startedMs = performance.now();
    const child = Bun.spawn([...command], {
      cwd: this.directory,
      env,
      stdin: Buffer.from(stdin),
      stdout: "ignore",
      stderr: "pipe",
    });
    const exited = Promise.all([new Response(child.stderr).text(), child.exited]);
    // What the system reports at the end has the memory of this process in it, which was copied.
    let peakMb = 0;
    const watch = setInterval(() => {
      peakMb = Math.max(peakMb, residentPeakMb(child.pid) ?? 0);
    }, WATCH_MS);
    const [text, code] = await exited;
    clearInterval(watch);
    const ms = performance.now() - startedMs;
    if (code !== 0) throw new Error(`${command.join(" ")}: ${text}`);
    return { ms, peakMb };
  }

  /** Writes a package with a file of random bytes, which cannot be compressed. */
  async write(name: string, version: string, bytes: number): Promise<void> {
    const directory = join(this.directory, name);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    await this.run(["init", name]);
    const manifest = join(directory, "colony.yaml");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace("0.1.0", version));
    writeFileSync(join(directory, "data.bin"), randomBytes(bytes));
  }
}

async function times(count: number, work: (round: number) => Promise<Ran>): Promise<Ran[]> {
  const ran: Ran[] = [];
  for (let round = 0; round < count; round += 1) {
    progress(`round ${round + 1} of ${count}`);
    ran.push(await work(round));
  }
  progress();
  return ran;
}

const msOf = (ran: readonly Ran[]) => ran.map(({ ms }) => ms);

/** Measures the commands of the client as a user waits for them. */
export async function benchClient(): Promise<void> {
  buildBinary();
  await withDirectory(async (directory) => {
    mkdirSync(join(directory, "data"));
    const limits = { ARCHIVE_MAX_BYTES: String(100 * 1024 * 1024), PUBLISH_LIMITS: "off" };
    const registry = await startBinary(join(directory, "data"), limits);
    try {
      const user = new BenchUser(directory, registry.url);
      const account = ["--username", "bench", "--email", "bench@example.org", "--password-stdin"];
      await user.run(["register", ...account], PASSWORD);
      await user.run(["key", "generate", "--no-passphrase"]);
      console.log(heading());
      await benchCommands(user);
      await benchDownload(user);
      await benchMemory(user);
    } finally {
      await registry.stop();
    }
  });
}

async function benchCommands(user: BenchUser): Promise<void> {
  report("version", msOf(await times(STARTS, () => user.run(["version"]))), "ms", "< 30 ms");
  report("key list (asks no registry)", msOf(await times(STARTS, () => user.run(["key", "list"]))), "ms", "< 60 ms");
  const published = await times(PUBLISHES, async (round) => {
    await user.write("small", `1.0.${round}`, SMALL_BYTES);
    return user.run(["publish", "small", "--if-changed"]);
  });
  report("publish of 10 KB", msOf(published), "ms", "< 200 ms");
}

async function benchDownload(user: BenchUser): Promise<void> {
  await user.write("large", "1.0.0", LARGE_BYTES);
  await user.run(["publish", "large", "--if-changed"]);
  const bySmall = await times(DOWNLOADS, () => downloads(user, "small"));
  report("download of 10 KB: start, requests, checks", msOf(bySmall), "ms", "");
  const path = `${user.url}/api/packages/large/1.0.0/download`;
  const hasCurl = Bun.which("curl") !== null;
  const byCurl: Ran[] = [];
  // By turns, so that what else the machine does is the same for both.
  const byClient = await times(DOWNLOADS, async () => {
    if (hasCurl) byCurl.push(await savesAnew(user, "by-curl", ["curl", "-sSf", "-o", "by-curl", path]));
    return downloads(user, "large");
  });
  report("download of 20 MB, verified", msOf(byClient), "ms", "");
  if (!hasCurl) return console.log(missingRow("  beside curl", "there is no curl"));
  report("  by curl", msOf(byCurl), "ms", "");
  const ratios = byClient.map(({ ms }, at) => ms / (byCurl[at]?.ms ?? Number.NaN));
  report("  beside curl", ratios, "×", "≤ 1.3 ×", 2);
}

function downloads(user: BenchUser, name: string): Promise<Ran> {
  return savesAnew(user, `${name}-1.0.0.cpm`, [BINARY, "download", `${name}@1.0.0`]);
}

/** Neither program waits until the disk has the file, and for both it is a new one. */
function savesAnew(user: BenchUser, file: string, command: readonly string[]): Promise<Ran> {
  rmSync(join(user.directory, file), { force: true });
  return user.program(command);
}

async function benchMemory(user: BenchUser): Promise<void> {
  await user.write("huge", "1.0.0", HUGE_BYTES);
  const [packed, published] = [
    await user.run(["pack", "huge", "--out", "huge.cpm"]),
    await user.run(["publish", "huge.cpm", "--if-changed"]),
  ];
  report("pack of 100 MB, peak memory", [packed.peakMb], "MB", "< 120 MB");
  report("publish of 100 MB, peak memory", [published.peakMb], "MB", "< 120 MB");
  report("download of 100 MB, peak memory", [(await user.run(["download", "huge"])).peakMb], "MB", "< 120 MB");
}
