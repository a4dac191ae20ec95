import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { clientFault, type FaultLine } from "./client-fault.ts";
import { textIfThere } from "./home.ts";
import { type IsIgnored, parseIgnoreRules } from "./ignore-rules.ts";

/** The file with the rules of what stays out of the package. */
export const IGNORE_FILE = ".cpmignore";

/**
 * Never of use in a package: histories, leftovers of systems, packed packages, installed modules.
 */
const LEFT_OUT = /^(?:\.git|\.hg|\.svn|\.DS_Store|\._.*|.*\.cpm|node_modules|\.cpmignore)$/;
/** What must not be published by mistake. */
const SECRET_FILE = /(?:\.pem|\.key)$|^\.env/i;
/** More than a registry accepts. */
const FILES_MAX = 10_000;

/** The files of a package on this disk. */
export interface PackageFiles {
  /** Paths below the directory with `/` between segments, ordered by their bytes. */
  readonly paths: readonly string[];
  /** Files that look like keys and were left out. */
  readonly secretPaths: readonly string[];
}

interface Walk {
  readonly directory: string;
  readonly isIgnored: IsIgnored;
  readonly paths: string[];
  readonly secretPaths: string[];
  readonly faults: FaultLine[];
}

/**
 * Lists the files to pack. Throws for links and special files, which no registry accepts, all of
 * them at once.
 */
export async function packageFiles(directory: string): Promise<PackageFiles> {
  const rules = (await textIfThere(join(directory, IGNORE_FILE))) ?? "";
  const walk: Walk = { directory, isIgnored: parseIgnoreRules(rules), paths: [], secretPaths: [], faults: [] };
  await walkDirectory(walk, "");
  const { paths, secretPaths, faults } = walk;
  if (faults.length > 0) {
    throw clientFault(
      "refused",
      "client_unpackable_files",
      `These files cannot be packed:\nRemove them, or name them in ${IGNORE_FILE}.`,
      faults,
    );
  }
  return { paths: paths.sort(byBytes), secretPaths };
}

async function walkDirectory(walk: Walk, below: string): Promise<void> {
  const entries = await readdir(join(walk.directory, below), { withFileTypes: true });
  for (const entry of entries) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (LEFT_OUT.test(entry.name) || walk.isIgnored(path, entry.isDirectory())) continue;
    if (entry.isDirectory()) await walkDirectory(walk, path);
    else takeFile(walk, path, entry);
  }
}

function takeFile({ paths, secretPaths, faults }: Walk, path: string, entry: Dirent): void {
  if (SECRET_FILE.test(entry.name)) secretPaths.push(path);
  else if (!entry.isFile()) faults.push({ path, message: `is ${kindOf(entry)}` });
  else if (paths.length < FILES_MAX) paths.push(path);
  else
    throw clientFault(
      "refused",
      "client_too_many_files",
      `There are more than ${FILES_MAX} files. Name what does not belong to the package in ${IGNORE_FILE}.`,
    );
}

function kindOf(entry: Dirent): string {
  if (entry.isSymbolicLink()) return "a symbolic link";
  if (entry.isFIFO()) return "a FIFO";
  return entry.isSocket() ? "a socket" : "a device";
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
