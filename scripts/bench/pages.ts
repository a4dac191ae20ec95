import { gzipSync } from "node:zlib";
import { goStyleArchive, manifestOf } from "../../test/support/archive-maker.ts";
import { type Client, newAccount } from "../../test/support/client.ts";
import { archiveOf, publishArchive } from "./archives.ts";
import { DOCUMENT, documentPath } from "./documents.ts";
import { timeOf } from "./latency.ts";
import { heading, median, missingRow, progress, ratios, report } from "./measure.ts";
import { type BenchRegistry, buildBinary, startBinary, withDirectory } from "./registry.ts";
import { load, wrkMissing } from "./wrk.ts";

const ROUNDS = 6;
const ROUND_S = 2;
const WARM_GOAL = 0.8;
const COLD_GOAL = 1.5;
const PAGE_GOAL_KB = 30;
const SCRIPTS_GOAL_KB = 10;
/** The packages that are asked for the first time, half of them as pages. */
const COLD_PACKAGES = 120;
/** The versions that each of them has: a new package, and one that has been kept for a while. */
const COLD_VERSIONS = [1, DOCUMENT.versions] as const;
const WARM_VERSIONS_MAX = 60;
const WARM = "bench-warm";
const coldName = (versions: number, at: number) => `bench-cold-${versions}-${at}`;

/** A README as people write them: some headings, a table, a list and code. */
const README = `# A package\n\n${"It runs a **service** with [settings](https://example.org) and `values`.\n\n".repeat(12)}## Settings\n\n| name | default |\n|---|---|\n${"| replicas | 3 |\n".repeat(12)}\n\`\`\`yaml\nreplicas: 3\n\`\`\`\n`;

const pagePath = (name: string) => `/packages/${name}`;

function draft(name: string, version = "1.0.0"): Uint8Array {
  return goStyleArchive({
    "README.md": README,
    "colony.yaml": manifestOf({ name, version, description: "A package of the bench" }),
    "values.yaml": "replicas: 3\n",
    "templates/a.json": "{}",
  });
}

async function bytesOf(url: string): Promise<Uint8Array> {
  const response = await fetch(url, { headers: { accept: "text/html" } });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Publishes versions until the document of the package is as long as its page. */
async function publishWarm(client: Client, url: string): Promise<{ page: number; document: number }> {
  await publishArchive(client, WARM, draft(WARM));
  const page = (await bytesOf(url + pagePath(WARM))).length;
  for (let count = 1; count < WARM_VERSIONS_MAX; count += 1) {
    const document = (await bytesOf(url + documentPath(WARM))).length;
    if (document >= page) return { page, document };
    const version = `0.${count}.0`;
    await publishArchive(client, WARM, archiveOf(WARM, 500, version), version);
  }
  throw new Error("The document is never as long as the page");
}

async function warm({ url }: BenchRegistry, sizes: { page: number; document: number }): Promise<void> {
  if (wrkMissing !== undefined) return console.log(missingRow("page to document, from the cache", wrkMissing));
  const sides = [
    { address: url + pagePath(WARM), bodyBytes: (await bytesOf(url + pagePath(WARM))).length, rates: [] as number[] },
    { address: url + documentPath(WARM), bodyBytes: sizes.document, rates: [] as number[] },
  ];
  for (let round = 0; round < ROUNDS; round += 1) {
    progress(`from the cache: round ${round + 1} of ${ROUNDS}`);
    for (const { address, bodyBytes, rates } of round % 2 === 0 ? sides : sides.toReversed()) {
      rates.push(await load({ url: address, bodyBytes }, ROUND_S));
    }
  }
  progress();
  const [page = [], document = []] = sides.map(({ rates }) => rates);
  report("package page, from the cache", page, "req/s", "");
  report("document of like size, from the cache", document, "req/s", "");
  report("page to document", ratios(page, document), "×", `≥ ${WARM_GOAL} ×`, 2);
}

async function publishCold(client: Client): Promise<void> {
  for (const versions of COLD_VERSIONS) {
    for (let at = 0; at < COLD_PACKAGES; at += 1) {
      progress(`packages of ${versions} versions: ${at + 1} of ${COLD_PACKAGES}`);
      const name = coldName(versions, at);
      for (let count = 0; count < versions; count += 1) {
        await publishArchive(client, name, draft(name, `1.${count}.0`), `1.${count}.0`);
      }
    }
  }
  progress();
}

/** Asks a server that was just started for every package once, as page and as document in turns. */
async function cold({ url }: BenchRegistry): Promise<void> {
  // The first requests of all compile code that later ones find.
  for (const path of [pagePath(WARM), documentPath(WARM)]) for (let at = 0; at < 20; at += 1) await timeOf(url + path);
  for (const versions of COLD_VERSIONS) {
    const [pages, documents]: [number[], number[]] = [[], []];
    for (let at = 0; at < COLD_PACKAGES; at += 1) {
      const isPage = at % 2 === 0;
      const name = coldName(versions, at);
      (isPage ? pages : documents).push(await timeOf(url + (isPage ? pagePath(name) : documentPath(name))));
    }
    const what = versions === 1 ? "1 version" : `${versions} versions`;
    report(`page of ${what}, asked for the first time`, pages, "ms", "", 2);
    report(`document of ${what}, asked for the first time`, documents, "ms", "", 2);
    report(`  first page to first document, ${what}`, [median(pages) / median(documents)], "×", `≤ ${COLD_GOAL} ×`, 2);
  }
}

/** Reports how much travels: the page, and everything that a browser loads with it. */
async function sizes({ url }: BenchRegistry): Promise<void> {
  const page = await bytesOf(url + pagePath(WARM));
  report("package page, compressed", [gzipSync(page).length / 1_024], "KiB", `≤ ${PAGE_GOAL_KB} KiB`, 1);
  const trust = new TextDecoder().decode(await bytesOf(`${url}${pagePath(WARM)}/1.0.0/trust`));
  const scripts = [...trust.matchAll(/src="[./]*(assets\/[^"]+\.js)"/g)].map(([, path = ""]) => path);
  let bytes = 0;
  for (const path of scripts) bytes += gzipSync(await bytesOf(`${url}/${path}`)).length;
  report(`${scripts.length} scripts, compressed`, [bytes / 1_024], "KiB", `≤ ${SCRIPTS_GOAL_KB} KiB`, 1);
}

/** Measures pages against the API's documents of the same packages. */
export async function benchPages(): Promise<void> {
  buildBinary();
  await withDirectory(async (dataDir) => {
    const settings = { PUBLISH_LIMITS: "off", LOG_LEVEL: "silent" };
    const filling = await startBinary(dataDir, settings);
    let lengths: { page: number; document: number };
    try {
      const client = await newAccount(filling);
      lengths = await publishWarm(client, filling.url);
      await publishCold(client);
    } finally {
      await filling.stop();
    }
    const registry = await startBinary(dataDir, settings);
    try {
      console.log(heading());
      await sizes(registry);
      await cold(registry);
      await warm(registry, lengths);
    } finally {
      await registry.stop();
    }
  });
}
