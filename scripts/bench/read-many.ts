import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { compareReads, peer } from "./compare-reads.ts";
import { documentPath, readDocument } from "./documents.ts";
import { loadOf, MANY, manyNames, manyPackages } from "./many-packages.ts";
import { progress } from "./measure.ts";
import { serveFile, startNginx } from "./nginx.ts";
import { type BenchRegistry, startBinary, withDirectory } from "./registry.ts";

const READERS = 16;
const GOAL = 0.8;

/** Writes every document for nginx as the registry answers it, and returns their lengths. */
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

/** Returns the name whose document is nearest to the average length of all answers. */
function averageName(asked: readonly string[], lengths: ReadonlyMap<string, number>): string {
  const mean = asked.reduce((sum, name) => sum + (lengths.get(name) ?? 0), 0) / asked.length;
  const [nearest] = [...lengths].reduce((a, b) => (Math.abs(b[1] - mean) < Math.abs(a[1] - mean) ? b : a));
  return nearest;
}

/**
 * Measures metadata of very many packages by Zipf's law, in comparison with the metadata of one
 * package whose document has the average length. Both use the same script, which costs `wrk` some
 * speed.
 */
export async function benchReadMany(): Promise<void> {
  await withDirectory(async (directory) => {
    const files = join(directory, "files");
    mkdirSync(files);
    const registry = await startBinary(await manyPackages(directory), { LOG_LEVEL: "silent" });
    const nginx = await startNginx(directory, files);
    try {
      const { names, asked } = manyNames();
      const lengths = await copyDocuments(registry, names, files);
      const average = averageName(asked, lengths);
      const averageBytes = lengths.get(average) ?? 0;
      const leastBytes = lengths.values().reduce((least, bytes) => Math.min(least, bytes), averageBytes);
      const many = loadOf(directory, "many", asked, leastBytes);
      const one = loadOf(directory, "one", [average], averageBytes);
      const label = `metadata of ${MANY.packages.toLocaleString("en")} names, Zipf`;
      await compareReads(label, registry, many(registry.url), [
        peer("registry (one name)", registry, GOAL, one),
        peer("nginx", nginx, undefined, many),
        peer("nginx (one name)", nginx, undefined, one),
        peer("nginx (one name without script)", nginx, undefined, (url) => ({
          ...{ url: url + documentPath(average), bodyBytes: averageBytes },
        })),
      ]);
    } finally {
      await nginx?.stop();
      await registry.stop();
    }
  });
}
