// Runs every package.json script: `node scripts/run.mjs <arguments for Bun>`.
//
// A fresh clone has neither Bun nor packages, so this file needs only Node 20 or later, or any Bun.
// It installs exactly what package-lock.json says if node_modules is missing or was made from
// another lock file. It then checks that the Bun in node_modules is the pinned one, and hands over
// to it.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stamp = join(modules, ".cpm-lock");
const windows = process.platform === "win32";
const bun = join(modules, "bun", "bin", "bun.exe"); // The npm package uses this file name on every system.

/**
 * The stamp of a right installation: a hash of the lock file and the patch, and the system that it
 * was made for.
 */
function wantedStamp() {
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", "scripts/patch-postgres.mjs"]) hash.update(readFileSync(join(root, file)));
  return `${hash.digest("hex")} ${process.platform}-${process.arch}\n`;
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

function fail(message) {
  console.error(`cpm-registry: ${message}`);
  process.exit(1);
}

/**
 * npm sets `npm_execpath` to its own script. Bun sets it to itself, and then npm is looked up on
 * the PATH.
 */
function npmCommand() {
  const npmScript = process.env.npm_execpath;
  if (npmScript?.endsWith("npm-cli.js") && !process.versions.bun) return [process.execPath, npmScript];
  return ["npm"];
}

/**
 * Returns npm's usual cache, or a temporary one where the usual one cannot be written. npm refuses
 * to work without a writable cache, and a service account often has no writable home.
 */
function npmCache() {
  const usual = process.env.npm_config_cache ?? join(homedir(), ".npm");
  for (let folder = usual; ; folder = dirname(folder)) {
    if (!existsSync(folder) && folder !== dirname(folder)) continue;
    try {
      accessSync(folder, constants.W_OK);
      return { path: usual, temporary: false };
    } catch {
      return { path: mkdtempSync(join(tmpdir(), "cpm-npm-cache-")), temporary: true };
    }
  }
}

function runInstaller([command, ...args], env) {
  return spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    shell: windows && command === "npm",
  });
}

/**
 * Uses `--include`, because NODE_ENV=production or `omit=` in an .npmrc would leave out Bun, a
 * development package.
 */
function install() {
  const cache = npmCache();
  const npm = [...npmCommand(), "ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  const result = runInstaller(npm, { npm_config_cache: cache.path, npm_config_update_notifier: "false" });
  if (cache.temporary) rmSync(cache.path, { recursive: true, force: true });
  if (result.error?.code !== "ENOENT" || !process.versions.bun) return result;
  // Bun 1.4.5 reads package-lock.json too. It does not change it, and writes no lock file of its
  // own here.
  return runInstaller([process.execPath, "install", "--frozen-lockfile"], { NODE_ENV: "development" });
}

function installIfNeeded() {
  const wanted = wantedStamp();
  if (readIfThere(stamp) === wanted) return;
  const started = Date.now();
  console.error("cpm-registry: installing the packages of package-lock.json, Bun among them (about half a minute) …");
  const result = install();
  if (result.error?.code === "ENOENT") fail("npm was not found; install Node.js 20 or later together with npm.");
  if (result.error || result.status !== 0) {
    console.error(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}`);
    fail("the installation failed; its output is above.");
  }
  requirePinnedBun();
  writeFileSync(stamp, wanted);
  console.error(`cpm-registry: installed in ${Math.round((Date.now() - started) / 1000)} s.`);
}

/**
 * Another Bun may behave differently, so only the pinned one runs. Its version is checked only
 * after an installation.
 */
function requirePinnedBun() {
  const wanted = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies.bun;
  const found = spawnSync(bun, ["--version"], { encoding: "utf8" });
  if (found.stdout?.trim() === wanted) return;
  const what = found.stdout?.trim() || found.error?.message || found.stderr?.trim();
  fail(
    `Bun ${wanted} is needed in node_modules, found: ${what}.\n` +
      "Its install script has to run. If npm is set to `ignore-scripts`, run: npm ci --ignore-scripts=false",
  );
}

/**
 * Stops Bun when npm's shell has ended. npm passes SIGTERM to its `sh -c`, which ends without
 * passing it on, and the server would run on with nobody to stop it. Only npm scripts have such a
 * shell: a process that somebody puts into the background by hand may outlive its parent.
 */
function whenOrphaned(stop) {
  if (windows || process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop();
  }, 250);
  watch.unref();
}

/**
 * Runs Bun in place of this process. A terminal sends Ctrl-C to the whole process group, so Bun has
 * it already, and a forwarded copy would look like an impatient second one. SIGTERM comes from a
 * supervisor and must be passed on.
 */
function handOver() {
  const path = `${join(modules, ".bin")}${windows ? ";" : ":"}${process.env.PATH ?? ""}`;
  const [script = "", ...args] = process.argv.slice(2);
  // The client works where its user is, and npm runs every script in the root.
  const isClient = process.env.npm_lifecycle_event === "cpm";
  const cwd = isClient ? (process.env.INIT_CWD ?? root) : root;
  const command = [isClient ? join(root, script) : script, ...args];
  const child = spawn(bun, command, { cwd, stdio: "inherit", env: { ...process.env, PATH: path } });
  const onTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  const forward = (signal) => {
    if (signal !== "SIGINT" || !onTerminal) child.kill(signal);
  };
  const signals = windows ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, forward);
  whenOrphaned(() => child.kill("SIGTERM"));
  child.on("error", (error) => fail(`Bun did not start: ${error.message}`));
  child.on("exit", (code, signal) => {
    for (const name of signals) process.off(name, forward);
    if (signal) process.kill(process.pid, signal);
    else process.exit(code ?? 1);
  });
}

installIfNeeded();
handOver();
