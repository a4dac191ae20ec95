import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const REQUIREMENTS = join(import.meta.dir, "requirements.txt");
const CONFIG = join(import.meta.dir, "schemathesis.toml");
const CACHE = resolve(import.meta.dir, "../../../node_modules/.cache");

/** Whether a command ended well, and the last line that it said otherwise. */
function attempt(...command: string[]): string | undefined {
  if (Bun.which(command[0] ?? "") === null) return `${command[0]} is not installed`;
  const child = Bun.spawnSync(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (child.exitCode === 0) return undefined;
  return `${child.stderr}${child.stdout}`.trim().split("\n").at(-1) ?? "no reason was given";
}

/** Schemathesis in a virtual environment of its own, made once for each text of requirements.txt; or why there is none. */
export function installSchemathesis(): { program: string } | { missing: string } {
  const version = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 16);
  const folder = join(CACHE, `schemathesis-${version}`);
  const python = join(folder, "bin/python");
  const done = join(folder, "installed");
  if (!existsSync(done)) {
    rmSync(folder, { recursive: true, force: true });
    const missing =
      attempt("python3", "-m", "venv", folder) ??
      attempt(python, "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS, "--report", `${done}.part`);
    if (missing !== undefined) return { missing };
    renameSync(`${done}.part`, done);
  }
  return { program: join(folder, "bin/st") };
}

/** How one run ended, with all that it said. */
export interface FuzzRun {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs every phase with every check against a server. */
export async function fuzz(program: string, asked: FuzzOptions): Promise<FuzzRun> {
  const { url, document = `${url}/swagger/json`, token, seed, examples, parameters = {} } = asked;
  const folder = mkdtempSync(join(tmpdir(), "cpm-schemathesis-"));
  const config = join(folder, "schemathesis.toml");
  const lines = Object.entries(parameters).map(([name, value]) => `"${name}" = ${JSON.stringify(value)}`);
  writeFileSync(config, [readFileSync(CONFIG, "utf8"), "[parameters]", ...lines, ""].join("\n"));
  try {
    const options = ["--url", url, "--seed", String(seed), "--max-examples", String(examples)];
    const header = token === undefined ? [] : ["--header", `Authorization: Bearer ${token}`];
    const command = [program, "--config-file", config, "run", document, ...options, ...header];
    const child = Bun.spawn([...command, "--no-color", "--generation-database", "none"], {
      cwd: folder,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { exitCode, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whom a run speaks for, and how much of it there is. */
export interface FuzzOptions {
  readonly url: string;
  /** In place of the description that the server gives of itself. */
  readonly document?: string;
  /** Values that are there, by parameter such as `path.name`; made up where left out. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** A session or an API token; nobody without. */
  readonly token: string | undefined;
  readonly seed: number;
  /** At most so many cases for each operation and phase. */
  readonly examples: number;
}
