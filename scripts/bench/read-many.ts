import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../../test/support/random.ts";
import { zipf } from "../fill/vocabulary.ts";
import { compareReads, peer } from "./compare-reads.ts";
import { documentPath, readDocument } from "./documents.ts";
import { draftsOf, fill } from "./filling.ts";
import { progress } from "./measure.ts";
import { serveFile, startNginx } from "./nginx.ts";
import { type BenchRegistry, startBinary, withDirectory } from "./registry.ts";
import type { Load } from "./wrk.ts";

const SEED = 1;
const SIZE = { packages: 100_000, versions: 500_000 };
/** Requests until they come again: more than a round makes. */
const REQUESTS = 1_000_000;
const READERS = 16;
const GOAL = 0.8;

/** A data directory that is kept, and filled if it is not there: filling takes minutes. */
const KEPT = process.env.CPM_BENCH_FILLED;

async function filled(directory: string): Promise<string> {
  const dataDir = KEPT ?? join(directory, "data");
  if (!existsSync(dataDir)) await fill(dataDir, SIZE, "none");
  return dataDir;
}

/** Gives nginx every document as the registry answers it, and returns how long each is. */
async function copyDocuments(
  { url }: BenchRegistry,
  names: readonly string[],
  files: string,
): Promise<Map<string, number>> {
  const lengths = new Map<string, number>();
  let next = 0;
  const copying = async () => {
    for (let name = names[next++]; name !== undefined; name = names[next++]) {
      const { body } = await readDocument(url, name);
      serveFile(files, documentPath(name), body);
      lengths.set(name, body.length);
      if (lengths.size % 1_000 === 0) progress(`documents for nginx: ${lengths.size} of ${names.length}`);
    }
  };
  await Promise.all(Array.from({ length: READERS }, copying));
  progress();
  return lengths;
}

/** The name whose document is nearest to the average of all answers. */
function averageName(asked: readonly string[], lengths: ReadonlyMap<string, number>): string {
  const mean = asked.reduce((sum, name) => sum + (lengths.get(name) ?? 0), 0) / asked.length;
  const [nearest] = [...lengths].reduce((a, b) => (Math.abs(b[1] - mean) < Math.abs(a[1] - mean) ? b : a));
  return nearest;
}

/**
 * Metadata of very many packages, asked for by Zipf's law, beside the metadata of one whose document is as long as those are
 * on average. Both are asked for by the same script, which costs `wrk` something.
 */
export async function benchReadMany(): Promise<void> {
  await withDirectory(async (directory) => {
    const files = join(directory, "files");
    mkdirSync(files);
    const dataDir = await filled(directory);
    // In the order of the alphabet, so that a name is not asked for more often because it is old and has many versions.
    const names = draftsOf(SIZE).names.toSorted();
    const registry = await startBinary(dataDir, { LOG_LEVEL: "silent" });
    const nginx = await startNginx(directory, files);
    try {
      const lengths = await copyDocuments(registry, names, files);
      const random = randomFrom(SEED);
      const asked = Array.from({ length: REQUESTS }, () => names[zipf(random, names.length)] ?? "");
      const average = averageName(asked, lengths);
      const load = (kind: string, wanted: readonly string[]) => {
        const list = join(directory, kind);
        writeFileSync(list, wanted.map((name) => `${documentPath(name)}\n`).join(""));
        const bodyBytes = wanted.reduce(
          (least, name) => Math.min(least, lengths.get(name) ?? 0),
          Number.POSITIVE_INFINITY,
        );
        return (url: string): Load => ({ url, bodyBytes, script: [join(import.meta.dir, "paths.lua"), list] });
      };
      const [many, one] = [load("many", asked), load("one", [average])];
      const label = `metadata of ${SIZE.packages.toLocaleString("en")}, Zipf (${lengths.get(average)} bytes)`;
      await compareReads(label, registry, many(registry.url), [
        peer("registry, one name", registry, GOAL, one),
        peer("nginx", nginx, undefined, many),
        peer("nginx, one name", nginx, undefined, one),
        peer("nginx, one name, no script", nginx, undefined, (url) => ({
          ...{ url: url + documentPath(average), bodyBytes: lengths.get(average) ?? 0 },
        })),
      ]);
    } finally {
      await nginx?.stop();
      await registry.stop();
    }
  });
}
