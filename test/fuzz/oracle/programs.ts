import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * The environment of packers and readers. In the C locale bsdtar refuses every name that is not
 * ASCII; hardly anybody has used that locale in years.
 */
export const ENVIRONMENT = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", LC_ALL: "C.UTF-8" };

/**
 * Returns the usual Python 3, or null. A program of pyenv is followed, because it starts slowly.
 */
export function pythonPath(): string | null {
  const path = Bun.which("python3");
  if (path === null) return null;
  const { success, stdout } = Bun.spawnSync([path, "-c", "import sys; print(sys.executable)"]);
  return success ? stdout.toString().trim() : null;
}

/** Returns a Python 3 with this minor version from PATH, or among those that pyenv installed. */
export function pythonOf(minor: number): string | undefined {
  const installed = join(process.env.PYENV_ROOT ?? join(process.env.HOME ?? "/", ".pyenv"), "versions");
  const versions = existsSync(installed) ? readdirSync(installed).filter((name) => name.startsWith(`3.${minor}.`)) : [];
  const paths = [
    Bun.which(`python3.${minor}`),
    ...versions.map((version) => join(installed, version, `bin/python3.${minor}`)),
  ];
  // pyenv puts a program in PATH for each version; it fails for those that are not chosen.
  return paths.find((path): path is string => path !== null && Bun.spawnSync([path, "-V"]).success);
}

/** Returns the name of GNU tar. On macOS, `tar` is bsdtar. */
export function gnuTar(): string | undefined {
  return ["tar", "gtar"].find((name) => {
    return Bun.which(name) !== null && Bun.spawnSync([name, "--version"]).stdout.toString().includes("GNU tar");
  });
}

/**
 * Returns the path of the Go program that reads and packs archives, compiled once below `scratch`,
 * because `go run` would compile each time. Returns undefined without Go.
 */
export async function goOracle(scratch: string): Promise<string | undefined> {
  if (Bun.which("go") === null) return undefined;
  const path = join(scratch, "oracle");
  if (existsSync(path)) return path;
  const build = Bun.spawn(["go", "build", "-o", path, join(import.meta.dir, "oracle.go")], {
    env: { ...process.env, GOFLAGS: "", GOWORK: "off", CGO_ENABLED: "0" },
    stderr: "pipe",
  });
  const [status, errors] = await Promise.all([build.exited, new Response(build.stderr).text()]);
  if (status !== 0) throw new Error(`the Go oracle does not compile: ${errors}`);
  return path;
}
