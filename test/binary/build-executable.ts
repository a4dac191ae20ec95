import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
const SOURCES = ["src", "drizzle", "scripts/build.ts", "package.json", "package-lock.json"];

/** The compiled registry. */
export const EXECUTABLE = join(ROOT, "dist/cpm-registry");

/** Builds the executable unless it is newer than everything that goes into it. */
export async function buildIfOutdated(): Promise<void> {
  if (existsSync(EXECUTABLE)) {
    const built = statSync(EXECUTABLE).mtimeMs;
    if (SOURCES.every((source) => newestChange(join(ROOT, source)) < built)) return;
  }
  const command = [process.execPath, "scripts/build.ts"];
  const build = Bun.spawn(command, { cwd: ROOT, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [log, exitCode] = await Promise.all([new Response(build.stderr).text(), build.exited]);
  if (exitCode !== 0) throw new Error(`The build failed:\n${log}`);
}

function newestChange(path: string): number {
  const self = statSync(path);
  if (!self.isDirectory()) return self.mtimeMs;
  return Math.max(self.mtimeMs, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}
