import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../../test/support/random.ts";
import { Drafts } from "../fill/drafts.ts";
import { planRegistry } from "../fill/plan.ts";
import { zipf } from "../fill/vocabulary.ts";
import { compareReads, peer } from "./compare-reads.ts";
import { documentPath, readDocument } from "./documents.ts";
import { progress } from "./measure.ts";
import { serveFile, startNginx } from "./nginx.ts";
import { type BenchRegistry, ROOT, startBinary, withDirectory } from "./registry.ts";
import type { Load } from "./wrk.ts";

const SEED = 1;
const NAMES = 100_000;
const VERSIONS = 500_000;
/** Requests until they come again: more than a round makes. */
const REQUESTS = 1_000_000;
const READERS = 16;
const GOAL = 0.8;

async function fill(dataDir: string): Promise<void> {
  const size = ["--packages", String(NAMES), "--versions", String(VERSIONS), "--seed", String(SEED)];
  const command = [process.execPath, join(ROOT, "scripts/fill.ts"), ...size, "--archives", "none"];
  const env = { PATH: process.env.PATH ?? "", DATA_DIR: dataDir };
  const filling = Bun.spawn(command, { env, cwd: ROOT, stdout: "inherit", stderr: "inherit" });
  if ((await filling.exited) !== 0) throw new Error("Filling the registry failed");
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
    const [files, dataDir] = [join(directory, "files"), join(directory, "data")];
    mkdirSync(files);
    mkdirSync(dataDir);
    await fill(dataDir);
    // In the order of the alphabet, so that a name is not asked for more often because it is old and has many versions.
    const names = new Drafts(SEED, planRegistry(SEED, NAMES, VERSIONS)).names.toSorted();
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
        const bodyBytes = Math.min(...wanted.map((name) => lengths.get(name) ?? 0));
        return (url: string): Load => ({ url, bodyBytes, script: [join(import.meta.dir, "paths.lua"), list] });
      };
      const [many, one] = [load("many", asked), load("one", [average])];
      const label = `metadata of ${NAMES.toLocaleString("en")}, Zipf (${lengths.get(average)} bytes)`;
      await compareReads(label, registry, many(registry.url), [
        peer("registry, one name", registry, GOAL, one),
        peer("nginx", nginx, undefined, many),
        peer("nginx, one name", nginx, undefined, one),
      ]);
    } finally {
      await nginx?.stop();
      await registry.stop();
    }
  });
}
