import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const CACHE = resolve(import.meta.dir, "../../node_modules/.cache");

/** Whether a command succeeded, and otherwise the last line that it printed. */
function attempt(...command: string[]): string | undefined {
  if (Bun.which(command[0] ?? "") === null) return `${command[0]} is not installed`;
  const child = Bun.spawnSync(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (child.exitCode === 0) return undefined;
  return `${child.stderr}${child.stdout}`.trim().split("\n").at(-1) ?? "no reason was given";
}

/**
 * Makes a virtual environment of Python with the packages of a requirements file, once for each
 * text of that file. Returns the path of a program in it, or why there is none.
 */
export function installPythonProgram(
  name: string,
  requirements: string,
): { readonly program: string } | { readonly missing: string } {
  const version = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 16);
  const folder = join(CACHE, `${name}-${version}`);
  const python = join(folder, "bin/python");
  const done = join(folder, "installed");
  if (!existsSync(done)) {
    rmSync(folder, { recursive: true, force: true });
    const missing =
      attempt("python3", "-m", "venv", folder) ??
      attempt(python, "-m", "pip", "install", "--quiet", "--requirement", requirements, "--report", `${done}.part`);
    if (missing !== undefined) return { missing };
    renameSync(`${done}.part`, done);
  }
  return { program: join(folder, "bin", name) };
}
