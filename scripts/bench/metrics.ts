import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { newAccount } from "../../test/support/client.ts";
import { metricsText, TEST_METRICS_TOKEN } from "../../test/support/metrics.ts";
import { compare } from "./compare.ts";
import { documentPath, publishDocument, readDocument } from "./documents.ts";
import { askedRegistries, FilledRegistries, KIND_NAMES, sizeName } from "./filled.ts";
import { heading, missingRow, report } from "./measure.ts";
import { type BenchRegistry, buildBinary, startBinary, withDirectory } from "./registry.ts";
import { type Load, load, wrkMissing } from "./wrk.ts";

const ROUNDS = 9;
const ROUND_S = 2;
/** Fifteen times as often as Prometheus does by default. */
const SCRAPE_INTERVAL_MS = 1_000;
const SCRAPES = 50;
/** Metrics may cost cached reads two percent. */
const RATE_GOAL = 0.98;
const SCRAPE_GOAL_MS = 5;
const SETTINGS = { LOG_LEVEL: "silent", METRICS_TOKEN: TEST_METRICS_TOKEN };

/** Loads a registry while its metrics are read. */
async function loadScraped(what: Load, { url }: BenchRegistry): Promise<number> {
  const timer = setInterval(() => void metricsText(url), SCRAPE_INTERVAL_MS);
  try {
    return await load(what, ROUND_S);
  } finally {
    clearInterval(timer);
  }
}

/** Compares cached reads of one registry while it is scraped and while it is not. */
async function benchReads(): Promise<void> {
  await withDirectory(async (directory) => {
    const dataDir = join(directory, "data");
    mkdirSync(dataDir);
    const registry = await startBinary(dataDir, SETTINGS);
    try {
      await publishDocument(await newAccount(registry));
      const { body } = await readDocument(registry.url);
      const what = { url: registry.url + documentPath(), bodyBytes: body.length };
      await compare(
        { what: "cached metadata", unit: "req/s", rounds: ROUNDS },
        { name: "scraped every second", once: () => loadScraped(what, registry) },
        [{ name: "not scraped", goal: RATE_GOAL, once: () => load(what, ROUND_S) }],
      );
    } finally {
      await registry.stop();
    }
  });
}

/** Measures the time of a scrape. The first ones compile statements, and do not count. */
async function benchScrapes(what: string, { url }: BenchRegistry): Promise<void> {
  const times: number[] = [];
  for (let scrape = -SCRAPES; scrape < SCRAPES; scrape += 1) {
    const startedMs = performance.now();
    await metricsText(url);
    if (scrape >= 0) times.push(performance.now() - startedMs);
  }
  report(`scrape, ${what}`, times, "ms", `≤ ${SCRAPE_GOAL_MS} ms`, 2);
}

/**
 * Measures what metrics cost cached reads, and how long a scrape takes. `asked` is `reads`, or
 * sizes and databases as those of `search`.
 */
export async function benchMetrics(asked: readonly string[]): Promise<void> {
  const filled = asked.filter((part) => part !== "reads");
  const { sizes, kinds } = askedRegistries(filled);
  buildBinary();
  console.log(heading());
  if (filled.length === 0 || asked.includes("reads")) {
    if (wrkMissing === undefined) await benchReads();
    else console.log(missingRow("cached metadata", wrkMissing));
  }
  if (asked.includes("reads") && filled.length === 0) return;
  const registries = new FilledRegistries(SETTINGS);
  try {
    for (const kind of kinds) {
      for (const size of sizes) {
        const registry = await registries.start(kind, size);
        await benchScrapes(`${KIND_NAMES[kind]}, ${sizeName(size)}`, registry);
        await registry.stop();
      }
    }
  } finally {
    await registries.stop();
  }
}
