/**
 * Builds the Dockerfile:
 *
 *     npm run image [-- <tag>]
 *
 * Docker or Podman build where their engine runs. Elsewhere buildah does, as root and without a
 * registry of images: the base image is then made of Debian's packages, with this machine's Node.js
 * and certificate authorities. test/binary/image.test.ts starts what this builds.
 */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");
/** Where this machine says how to reach the registries of packages. */
const SOURCES_OF_PACKAGES = ["/etc/apt", "/etc/npmrc", join(homedir(), ".npmrc")];
const LOCAL_CERTIFICATES = "/usr/local/share/ca-certificates";
/** Neither needs an engine or a user namespace. */
const ENVIRONMENT = { ...process.env, STORAGE_DRIVER: "vfs", BUILDAH_ISOLATION: "chroot" };
const ENGINES = ["docker", "podman"];

function spawn(command: readonly string[]) {
  return Bun.spawnSync([...command], { cwd: ROOT, env: ENVIRONMENT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

/** Runs a command and returns what it printed. Throws what it printed if it fails. */
export function run(...command: readonly string[]): string {
  const { exitCode, stdout, stderr } = spawn(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout.toString().trim();
}

function succeeds(...command: readonly string[]): boolean {
  return Bun.which(command[0] ?? "") !== null && spawn(command).exitCode === 0;
}

/** Returns why buildah cannot build here, with the line to type; undefined where it can. */
export function buildahMissing(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "buildah needs root on Linux";
  const absent = ["buildah", "debootstrap"].filter((name) => Bun.which(name) === null);
  return absent.length === 0 ? undefined : `install what is missing: apt-get install ${absent.join(" ")}`;
}

/** Returns the exact base image, which compose.yaml names too. */
function nodeImage(): string {
  const [, name] = /NODE_IMAGE: (\S+)/.exec(readFileSync(join(ROOT, "compose.yaml"), "utf8")) ?? [];
  if (name === undefined)
    throw new Error("compose.yaml names no NODE_IMAGE. Add it under services.registry.build.args.");
  return name;
}

/** Makes a base image of this name from Debian's packages, unless it is there already. */
function makeBase(name: string): void {
  if (succeeds("buildah", "inspect", "--type", "image", name)) return;
  console.error(`Making ${name} from Debian's packages (once, about a minute) …`);
  const directory = mkdtempSync(join(tmpdir(), "cpm-image-"));
  try {
    run("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", directory);
    const container = run("buildah", "from", "scratch");
    const add = (from: string, to: string) => run("buildah", "add", "--quiet", container, from, to);
    const modules = "/usr/local/lib/node_modules/npm";
    add(directory, "/");
    add(realpathSync(Bun.which("node") ?? "/usr/bin/node"), "/usr/local/bin/node");
    add(join(run("npm", "root", "--global"), "npm"), modules);
    if (existsSync(LOCAL_CERTIFICATES)) add(LOCAL_CERTIFICATES, LOCAL_CERTIFICATES);
    const finish = `ln -s ${modules}/bin/npm-cli.js /usr/local/bin/npm && update-ca-certificates`;
    run("buildah", "run", container, "--", "sh", "-c", finish);
    run("buildah", "config", "--env", "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt", container);
    run("buildah", "commit", "--quiet", "--rm", container, name);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function argsOfBuild(base: string): string[] {
  const commit = succeeds("git", "rev-parse", "HEAD") ? run("git", "rev-parse", "HEAD") : "unknown";
  return ["--build-arg", `NODE_IMAGE=${base}`, "--build-arg", `BUILD_COMMIT=${commit}`];
}

/** Builds the image with buildah under this tag. Throws what the build printed if it fails. */
export function buildWithBuildah(tag: string): void {
  const base = `docker.io/library/${nodeImage()}`;
  makeBase(base);
  const mounts = SOURCES_OF_PACKAGES.filter((path) => existsSync(path)).flatMap((path) => [
    "--volume",
    `${path}:${path.replace(homedir(), "/root")}:ro`,
  ]);
  const options = ["--format", "docker", "--pull-never", "--network", "host", ...mounts];
  run("buildah", "bud", ...options, ...argsOfBuild(base), "--tag", tag, ".");
}

function main(tag = "cpm-registry"): void {
  const engine = ENGINES.find((name) => succeeds(name, "info"));
  const missing = buildahMissing();
  if (engine !== undefined) run(engine, "build", ...argsOfBuild(nodeImage()), "--tag", tag, ".");
  else if (missing === undefined) buildWithBuildah(tag);
  else throw new Error(`No engine of Docker or Podman runs here, and ${missing}`);
  console.log(`${tag} is built with ${engine ?? "buildah"}. docs/self-hosting.md says how to run it.`);
}

if (import.meta.main) {
  try {
    main(process.argv[2]);
  } catch (cause) {
    console.error(`npm run image failed: ${cause instanceof Error ? cause.message : cause}`);
    process.exit(1);
  }
}
