import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../../test/support/random.ts";
import { zipf } from "../fill/vocabulary.ts";
import { documentPath } from "./documents.ts";
import { draftsOf, fill } from "./filling.ts";
import type { Load } from "./wrk.ts";

/** The size of the registry for benches that read very many packages. */
export const MANY = { packages: 100_000, versions: 500_000 } as const;
const SEED = 1;
/** The number of requests before they repeat, more than a round makes. */
const REQUESTS = 1_000_000;

/** A data directory that is kept between runs, because filling takes minutes. */
const KEPT = process.env.CPM_BENCH_FILLED;

/** Returns the data directory of a registry of this size, without archives. */
export async function manyPackages(directory: string): Promise<string> {
  const dataDir = KEPT ?? join(directory, "many");
  if (!existsSync(dataDir)) await fill(dataDir, MANY, "none");
  return dataDir;
}

/** Returns the names and the order of requests, by Zipf's law. */
export function manyNames(): { names: readonly string[]; asked: readonly string[] } {
  // Sorted by name, so that the popular names are not the old ones with many versions.
  const names = draftsOf(MANY).names.toSorted();
  const random = randomFrom(SEED);
  return { names, asked: Array.from({ length: REQUESTS }, () => names[zipf(random, names.length)] ?? "") };
}

/** Returns a load of metadata in this order, which `wrk` reads from a file in `directory`. */
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
