/**
 * Writes the whole file system of the Docker image's last stage into a directory:
 *
 *     bun scripts/minimal-root.ts dist/cpm-registry /minimal-root
 *
 * The Dockerfile copies the result as it is, and test/binary runs the registry inside it, so the
 * tested files are the shipped ones: the executable, the C library's files that it is linked
 * against, CA certificates, a name for its user, and two writable directories. There is no shell
 * and no package manager.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The user of the image. `USER` in the Dockerfile has the same number. */
export const IMAGE_USER_ID = 65532;

/** The files of glibc that Bun links against. Any other library stops the build. */
const LIBRARIES = [
  /^ld-linux-[\w-]+\.so\.\d$/,
  /^libc\.so\.6$/,
  /^libm\.so\.6$/,
  /^libdl\.so\.2$/,
  /^libpthread\.so\.0$/,
];

/**
 * Bun has Mozilla's roots. This file adds those that the base image's administrator trusts, for S3
 * and Postgres.
 */
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

const NAMES: Readonly<Record<string, string>> = {
  "/etc/passwd": `cpm:x:${IMAGE_USER_ID}:${IMAGE_USER_ID}::/data:/nonexistent\n`,
  "/etc/group": `cpm:x:${IMAGE_USER_ID}:\n`,
  "/etc/nsswitch.conf": "hosts: files dns\n",
};

/**
 * Returns the paths of the shared libraries, the loader included, as the loader finds them on this
 * machine.
 */
function librariesOf(executable: string): string[] {
  const listing = Bun.spawnSync(["ldd", executable]);
  if (listing.exitCode !== 0) throw new Error(`ldd ${executable} failed: ${listing.stderr}`);
  const paths = [...listing.stdout.toString().matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  const unexpected = paths.filter((path) => !LIBRARIES.some((name) => name.test(basename(path))));
  const missing = LIBRARIES.filter((name) => !paths.some((path) => name.test(basename(path))));
  if (unexpected.length > 0 || missing.length > 0) {
    throw new Error(`${executable} links unexpected libraries (${unexpected}) or lacks expected ones (${missing})`);
  }
  return paths;
}

/** Fills `root`, which need not exist, with the last stage's files. */
export function makeMinimalRoot(executable: string, root: string): void {
  const copy = (from: string, to: string, mode: number) => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    copyFileSync(realpathSync(from), join(root, to));
    chmodSync(join(root, to), mode);
  };
  copy(executable, "/cpm-registry", 0o755);
  for (const library of librariesOf(executable)) copy(library, library, 0o755);
  if (existsSync(CERTIFICATES)) copy(CERTIFICATES, CERTIFICATES, 0o644);
  for (const [path, text] of Object.entries(NAMES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const [directory, mode] of [
    ["tmp", 0o1777],
    ["data", 0o770],
  ] as const) {
    mkdirSync(join(root, directory), { recursive: true });
    chmodSync(join(root, directory), mode);
  }
}

if (import.meta.main) {
  const [executable, root] = process.argv.slice(2);
  if (!executable || !root) throw new Error("Usage: bun scripts/minimal-root.ts <executable> <directory>");
  makeMinimalRoot(executable, root);
}
