import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The files under a directory of archives. */
export interface Blobs {
  /** Sizes of the files `sha256/<2 hex>/<digest>`, by digest. */
  readonly sizes: ReadonlyMap<string, number>;
  /** The digests among them whose file has other bytes than its name says. */
  readonly damaged: ReadonlySet<string>;
  /** Files in `incoming/`, which a crash may leave. */
  readonly incoming: readonly string[];
  /** All other files: none of them should exist. */
  readonly foreign: readonly string[];
}

/** Reads and hashes every file of a store directly, without the registry. */
export function readBlobs(dataDir: string): Blobs {
  const root = join(dataDir, "packages");
  const sizes = new Map<string, number>();
  const damaged = new Set<string>();
  const incoming: string[] = [];
  const foreign: string[] = [];
  // A bucket holds the log's static files too, and what recovering needs. On files they are outside of packages/, which a
  // backup copies.
  const isBucket = !existsSync(join(root, "incoming"));
  // ext4 makes lost+found in the root of a file system.
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name);
    const place = relative(root, path);
    const [, prefix, digest] = /^sha256\/([0-9a-f]{2})\/([0-9a-f]{64})$/.exec(place) ?? [];
    if (isBucket && /^(?:log\/(?:checkpoint$|accepted-size$|tile\/)|recovery\/(?:recent|tile)\/)/.test(place)) continue;
    if (place.startsWith("incoming/")) incoming.push(place);
    else if (digest === undefined || !digest.startsWith(prefix ?? "-") || !entry.isFile()) foreign.push(place);
    else {
      sizes.set(digest, lstatSync(path).size);
      if (createHash("sha256").update(readFileSync(path)).digest("hex") !== digest) damaged.add(digest);
    }
  }
  return { sizes, damaged, incoming, foreign };
}

/** Longer than a server needs to write the copy of its checkpoint on a busy machine. */
const SETTLED_WITHIN_MS = 10_000;

/**
 * Reads a store to which nobody publishes, once nothing is in `incoming/` or the time is up. A
 * running server may just be writing the copy of its checkpoint there, and a file that it removes
 * itself was not left behind.
 */
export async function readSettledBlobs(dataDir: string): Promise<Blobs> {
  const deadline = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const blobs = readBlobs(dataDir);
    if (blobs.incoming.length === 0 || performance.now() > deadline) return blobs;
    await sleep(50);
  }
}
