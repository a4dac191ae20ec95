/**
 * `npm run build` makes `dist/cpm-registry`, one executable that needs nothing else.
 *
 *     npm run build                                        for this machine
 *     npm run build -- --target linux-arm64,windows-x64    dist/cpm-registry-linux-arm64, …
 *     npm run build -- --target all
 *
 * The executable names the commit of its source: that of the checkout, with `-changed` if files
 * differ from it, or BUILD_COMMIT where the source is no checkout.
 *
 * Another system's executable needs that system's Bun. It comes from npm, in the version and with
 * the checksum that package-lock.json pins, and not from a download that Bun would do by itself.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dir, "..");

interface Target {
  readonly bun: Bun.Build.CompileTarget;
  readonly npmPackage: string;
}

const TARGETS: Readonly<Record<string, Target>> = {
  "linux-x64": { bun: "bun-linux-x64", npmPackage: "@oven/bun-linux-x64" },
  "linux-arm64": { bun: "bun-linux-arm64", npmPackage: "@oven/bun-linux-aarch64" },
  "linux-x64-musl": { bun: "bun-linux-x64-musl", npmPackage: "@oven/bun-linux-x64-musl" },
  "linux-arm64-musl": { bun: "bun-linux-arm64-musl", npmPackage: "@oven/bun-linux-aarch64-musl" },
  "darwin-x64": { bun: "bun-darwin-x64", npmPackage: "@oven/bun-darwin-x64" },
  "darwin-arm64": { bun: "bun-darwin-arm64", npmPackage: "@oven/bun-darwin-aarch64" },
  "windows-x64": { bun: "bun-windows-x64", npmPackage: "@oven/bun-windows-x64" },
};

/** The systems for which there are executables. */
export const TARGET_NAMES = Object.keys(TARGETS);

interface LockFile {
  readonly packages: Readonly<Record<string, { version: string; integrity?: string }>>;
}

/** Fetches the target's Bun as package-lock.json pins it and returns the path of its executable. */
function fetchBun({ npmPackage }: Target, directory: string): string {
  const lock: LockFile = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const pinned = lock.packages[`node_modules/${npmPackage}`];
  if (!pinned?.integrity) throw new Error(`package-lock.json does not pin ${npmPackage}.`);
  const [packed] = JSON.parse(output(["npm", "pack", "--json", `${npmPackage}@${pinned.version}`], directory));
  const archive = join(directory, packed.filename);
  const digest = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (digest !== pinned.integrity) throw new Error(`${npmPackage} has another checksum than package-lock.json pins.`);
  output(["tar", "-xzf", packed.filename], directory);
  return join(directory, "package", "bin", npmPackage.includes("windows") ? "bun.exe" : "bun");
}

function output(command: string[], cwd: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd, stdin: "ignore" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed:\n${stderr}`);
  return stdout.toString();
}

/**
 * Compiles the program. Names stay as they are (no full `minify`), because Elysia reads the source
 * of its handlers. The executable ignores `.env`, `bunfig.toml`, `tsconfig.json` and `package.json`
 * of the directory that it starts in: a user who can write there must not be able to change what
 * the server runs.
 */
async function compile(outfile: string, commit: string, target?: Target, executablePath?: string): Promise<void> {
  const result = await Bun.build({
    entrypoints: [join(root, "src/main.ts")],
    root,
    target: "bun",
    format: "esm",
    // Bytecode makes the start faster and the executable larger. It is used only where the result
    // can be tried: another processor's Bun might not accept this one's bytecode.
    bytecode: target === undefined || target.bun === `bun-${process.platform}-${process.arch}`,
    minify: { whitespace: true, syntax: true, identifiers: false, keepNames: true },
    define: { "process.env.NODE_ENV": '"production"', BUILD_COMMIT: JSON.stringify(commit) },
    compile: {
      outfile,
      ...(target && executablePath ? { target: target.bun, executablePath } : {}),
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  for (const message of result.logs) console.error(message);
}

async function report(file: string): Promise<void> {
  const bytes = await Bun.file(file).arrayBuffer();
  const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const size = (bytes.byteLength / 1_048_576).toFixed(1);
  console.log(`${file.slice(root.length + 1)}  ${size} MiB (${bytes.byteLength} bytes)  sha256 ${digest}`);
}

/** The commit that a build made here comes from, or `unknown`. */
function presentCommit(): string {
  if (process.env.BUILD_COMMIT) return process.env.BUILD_COMMIT;
  if (Bun.which("git") === null || !existsSync(join(root, ".git"))) return "unknown";
  const commit = output(["git", "rev-parse", "HEAD"], root).trim();
  return output(["git", "status", "--porcelain"], root) === "" ? commit : `${commit}-changed`;
}

/**
 * Compiles the executable of another system, or of this one, to `outfile`. The same commit gives
 * the same bytes. Throws for an unknown target, and for a Bun that is not the pinned one.
 */
export async function compileFor(name: string, outfile: string, commit: string): Promise<void> {
  const target = TARGETS[name];
  if (!target) throw new Error(`Unknown target ${name}. Targets are: ${TARGET_NAMES.join(", ")}, all.`);
  const directory = mkdtempSync(join(tmpdir(), "cpm-build-"));
  try {
    await compile(outfile, commit, target, fetchBun(target, directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function buildFor(name: string): Promise<void> {
  const outfile = join(root, "dist", `cpm-registry-${name}${name.startsWith("windows") ? ".exe" : ""}`);
  await compileFor(name, outfile, presentCommit());
  await report(outfile);
}

async function buildHere(): Promise<void> {
  const outfile = join(root, "dist", process.platform === "win32" ? "cpm-registry.exe" : "cpm-registry");
  await compile(outfile, presentCommit());
  chmodSync(outfile, 0o755);
  await report(outfile);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { target: { type: "string", multiple: true, default: [] } } });
  const names = values.target.flatMap((value) => (value === "all" ? TARGET_NAMES : value.split(",")));
  mkdirSync(join(root, "dist"), { recursive: true });
  if (names.length === 0) await buildHere();
  for (const name of names) await buildFor(name);
}
