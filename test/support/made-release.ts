import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import packageFile from "../../package.json" with { type: "json" };

/* Checkouts of this repository, and the releases that a maintainer makes in them. */

const ROOT = resolve(import.meta.dir, "../..");
const MAINTAINER = { NAME: "A Maintainer", EMAIL: "maintainer@example.org" };
/** Nothing of the machine's own git decides, and a checkout of another user is read too. */
const GIT_ENVIRONMENT = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "*",
  ...Object.fromEntries(Object.entries(MAINTAINER).map(([name, value]) => [`GIT_AUTHOR_${name}`, value])),
  ...Object.fromEntries(Object.entries(MAINTAINER).map(([name, value]) => [`GIT_COMMITTER_${name}`, value])),
};

/** The version that a maintainer would release next. */
export const NEXT_VERSION = packageFile.version.replace(/^(\d+)\.(\d+)\..*$/, (_, major, minor) => {
  return `${major}.${Number(minor) + 1}.0`;
});

/** Runs a command to its end. Returns what it printed, or throws that if it fails. */
export async function runIn(
  cwd: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...GIT_ENVIRONMENT, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed:\n${output}${errors}`);
  return output.trim();
}

/** Gives a checkout the installed packages. Hard links cost nothing, but only on one file system. */
async function addPackages(directory: string): Promise<void> {
  const [from, to] = [join(ROOT, "node_modules"), join(directory, "node_modules")];
  await runIn(ROOT, ["sh", "-c", 'cp -al "$0" "$1" 2>&1 || { rm -rf "$1"; cp -a "$0" "$1"; }', from, to]);
}

/**
 * Makes a repository in `directory` whose one commit has the files of this checkout as they are
 * now, changed and new ones too, and releases NEXT_VERSION there as docs/releasing.md says. The
 * commit and its tag are there afterwards, and nothing is built.
 */
export async function cutNextRelease(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  await runIn(directory, ["git", "init", "--quiet"]);
  const present = ["git", `--git-dir=${join(directory, ".git")}`, `--work-tree=${ROOT}`];
  await runIn(ROOT, [...present, "add", "--all"]);
  await runIn(ROOT, [...present, "commit", "--quiet", "--message", "Present"]);
  await runIn(directory, ["git", "reset", "--quiet", "--hard"]);
  await runIn(directory, [process.execPath, "scripts/release.ts", "--cut", NEXT_VERSION, "--yes"]);
}

/** Clones the tagged commit of `repository`, with packages to build it with. */
export async function checkOutRelease(repository: string, directory: string): Promise<void> {
  const tag = ["--branch", `v${NEXT_VERSION}`, "--config", "advice.detachedHead=false"];
  await runIn(ROOT, ["git", "clone", "--quiet", ...tag, repository, directory]);
  await addPackages(directory);
}

/** Makes the release of a checkout, in its dist/release. */
export function makeRelease(checkout: string, ...args: string[]): Promise<string> {
  return runIn(checkout, [process.execPath, "scripts/release.ts", ...args]);
}

/**
 * Builds the program of an older version from the history of this repository, and returns the path
 * of the executable. Undefined if the history does not reach that far back, as in a shallow clone.
 * `version` must not need other packages than those that are installed.
 */
export async function buildOld(version: string, directory: string): Promise<string | undefined> {
  // The last line is the commit that made package.json say so for the first time.
  const log = ["git", "log", "--format=%H", "-S", `"version": "${version}"`, "--", "package.json"];
  const commits = await runIn(ROOT, log).catch(() => "");
  const commit = commits.split("\n").at(-1) ?? "";
  const isShallow = await runIn(ROOT, ["git", "rev-parse", "--is-shallow-repository"]).catch(() => "true");
  if (commit === "" || isShallow === "true") return undefined;
  mkdirSync(directory, { recursive: true });
  await runIn(ROOT, ["sh", "-c", 'git archive "$0" | tar -x -C "$1"', commit, directory]);
  await addPackages(directory);
  await runIn(directory, [process.execPath, "scripts/build.ts"], { BUILD_COMMIT: commit });
  return join(directory, "dist/cpm-registry");
}
