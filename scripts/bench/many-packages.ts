import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../../test/support/random.ts";
import { zipf } from "../fill/vocabulary.ts";
import { documentPath } from "./documents.ts";
import { draftsOf, fill } from "./filling.ts";
import type { Load } from "./wrk.ts";

/** How many packages benches read that read very many. */
export const MANY = { packages: 100_000, versions: 500_000 } as const;
const SEED = 1;
/** Requests until they come again: more than a round makes. */
const REQUESTS = 1_000_000;

/** A data directory that is kept, and filled if it is not there: filling takes minutes. */
const KEPT = process.env.CPM_BENCH_FILLED;

/** The data directory of a registry with that many packages, without archives. */
export async function manyPackages(directory: string): Promise<string> {
  const dataDir = KEPT ?? join(directory, "many");
  if (!existsSync(dataDir)) await fill(dataDir, MANY, "none");
  return dataDir;
}

/** Their names, and the order in which they are asked for: some very often, by Zipf's law. */
export function manyNames(): { names: readonly string[]; asked: readonly string[] } {
  // In the order of the alphabet, so that a name is not asked for more often because it is old and has many versions.
  const names = draftsOf(MANY).names.toSorted();
  const random = randomFrom(SEED);
  return { names, asked: Array.from({ length: REQUESTS }, () => names[zipf(random, names.length)] ?? "") };
}

/** A load of the metadata of packages in an order, which `wrk` reads from a file in `directory`. */
export function loadOf(
  directory: string,
  kind: string,
  asked: readonly string[],
  bodyBytes: number,
): (url: string) => Load {
  const list = join(directory, `${kind}.txt`);
  writeFileSync(list, asked.map((name) => `${documentPath(name)}\n`).join(""));
  return (url) => ({ url, bodyBytes, script: [join(import.meta.dir, "paths.lua"), list] });
}
