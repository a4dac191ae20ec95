import { createHash } from "node:crypto";
import { createReadStream, rmSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Inspection, inspectArchive } from "../archive/inspect.ts";
import { parseDigest } from "../domain/digest.ts";
import { WIDEST_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { Failure } from "../errors.ts";
import type { SignedArchive } from "../signing/statement.ts";
import { clientFault } from "./client-fault.ts";
import { packFiles } from "./pack.ts";
import { packageFiles } from "./package-files.ts";

/** An archive that keeps the rules of registries, with what is signed of it. */
export interface CheckedArchive extends SignedArchive {
  readonly path: string;
  readonly inspection: Inspection;
  /** Files that look like keys and were left out when the directory was packed. */
  readonly secretPaths: readonly string[];
}

/**
 * Runs `work` with the archive that `target` is or is packed to. A packed archive exists only
 * meanwhile, also when the user interrupts the command.
 */
export async function withArchive<T>(target: string, work: (archive: CheckedArchive) => Promise<T>): Promise<T> {
  const found = await stat(target).catch(() => undefined);
  if (found === undefined) throw clientFault("usage", "client_no_package", `There is no file or directory ${target}.`);
  if (!found.isDirectory()) return work(await checkArchive(target));
  return withTemporaryDirectory(async (directory) => {
    const { path, secretPaths } = await packDirectory(target, join(directory, "package.cpm"));
    return work(await checkArchive(path, secretPaths));
  });
}

/** Packs a package into a new file. Throws if the directory is no package. */
export async function packDirectory(directory: string, path: string) {
  const manifest = await stat(join(directory, "colony.yaml")).catch(() => undefined);
  if (manifest?.isFile() !== true) {
    const detail = `${directory} has no colony.yaml, so it is not a package.\nGo to the package's directory, or make one with: cpm-registry init <name>`;
    throw clientFault("usage", "client_no_package", detail);
  }
  const { paths, secretPaths } = await packageFiles(directory);
  return { ...(await packFiles(directory, paths, path)), paths, secretPaths };
}

async function withTemporaryDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "cpm-"));
  const onInterrupt = () => {
    rmSync(directory, { recursive: true, force: true });
    process.removeListener("SIGINT", onInterrupt);
    process.kill(process.pid, "SIGINT");
  };
  process.on("SIGINT", onInterrupt);
  try {
    return await work(directory);
  } finally {
    process.removeListener("SIGINT", onInterrupt);
    await rm(directory, { recursive: true, force: true });
  }
}

/** Checks an archive by the registry's own rules, without a registry. Throws with every problem. */
export async function checkArchive(path: string, secretPaths: readonly string[] = []): Promise<CheckedArchive> {
  const hash = createHash("sha256");
  let size = 0;
  async function* hashed() {
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  try {
    const inspection = await inspectArchive(hashed(), WIDEST_ARCHIVE_LIMITS);
    const { name, version } = inspection.manifest;
    const digest = parseDigest(hash.digest("hex"));
    if (digest === undefined) throw new Error("A SHA-256 digest has 64 hexadecimal characters");
    return { path, inspection, secretPaths, name, version: version.text, digest, size };
  } catch (cause) {
    if (!(cause instanceof Failure) || !("faults" in cause.error)) throw cause;
    throw clientFault(
      "refused",
      "client_archive_rejected",
      "The package breaks these rules:\nMend them, then run the command again. docs/package-format.md explains each.",
      cause.error.faults,
    );
  }
}
