import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installPythonProgram } from "../../support/python-program.ts";

const CONFIG = join(import.meta.dir, "schemathesis.toml");

/** Installs Schemathesis, and returns the path of its program, or why there is none. */
export function installSchemathesis() {
  return installPythonProgram("st", join(import.meta.dir, "requirements.txt"));
}

/** How one run ended, with all its output. */
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

/** The credentials of a run, and how much it does. */
export interface FuzzOptions {
  readonly url: string;
  /** Replaces the server's own OpenAPI document. */
  readonly document?: string;
  /** Existing values by parameter, such as `path.name`. Without them values are made up. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** A session or an API token. Without it the run is a guest. */
  readonly token: string | undefined;
  readonly seed: number;
  /** At most this many cases for each operation and phase. */
  readonly examples: number;
}
