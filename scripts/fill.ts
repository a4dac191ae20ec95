/*
 * `npm run fill -- …` fills a registry with invented packages: see USAGE. Names, words, sizes and
 * downloads are distributed as in a real registry. The same seed and numbers give the same
 * registry, on both databases.
 */
import { parseArgs } from "node:util";
import { readConfig } from "../src/config/config.ts";
import { ARCHIVES, type Archives } from "./fill/archives.ts";
import { Drafts } from "./fill/drafts.ts";
import { fillDatabase, type Report } from "./fill/into-database.ts";
import { fillOverHttp } from "./fill/over-http.ts";
import { planRegistry } from "./fill/plan.ts";

const USAGE = `Fills a registry with invented packages.

  npm run fill -- [options]

  --packages N      number of packages (1,000)
  --versions M      number of versions in all, from N to 400 for each package (5 for each package)
  --seed S          another number gives another registry (1)
  --archives KIND   pool: versions share 400 real archives (the default); own: each version has its own, which takes
                    longer; none: no archive is stored, and downloads answer 500
  --url URL         publish real signed archives of several accounts over HTTP to the registry that runs at URL;
                    without it the database is filled directly, and no registry may run on it
  --clients C       number of concurrent publishers with --url (4)
  --config FILE     settings of the registry, as for serve; environment variables count too
  --help            show this text

The database must be empty. It gets everything that publishing writes: versions and their contents, owners, keys, events,
the search index and the log. Where versions share archives, colony.yaml in an archive names the pool, not the package.
The password of every account is "correct horse battery staple".

Example: 100,000 packages in a SQLite file, then a registry on it:

  DATA_DIR=/tmp/filled npm run fill -- --packages 100000 --versions 1000000
  DATA_DIR=/tmp/filled npm start
`;

const SHOWN_EVERY_MS = 200;

function wholeNumber(text: string | undefined, preset: number, name: string): number {
  const number = text === undefined ? preset : Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} must be a whole number above 0.`);
  return number;
}

/**
 * Reports progress: one line that is redrawn on a terminal, a new line every ten seconds elsewhere.
 */
function progressLine(): Report {
  const startedMs = performance.now();
  const everyMs = process.stderr.isTTY ? SHOWN_EVERY_MS : 50 * SHOWN_EVERY_MS;
  let shownMs = 0;
  return (what, done, total) => {
    const nowMs = performance.now();
    if (total > 0 && done < total && nowMs - shownMs < everyMs) return;
    shownMs = nowMs;
    const share = total === 0 ? "" : `  ${done.toLocaleString("en")} of ${total.toLocaleString("en")}`;
    const text = `${what}${share}  ${((nowMs - startedMs) / 1_000).toFixed(0)} s`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
  };
}

function isArchives(text: string): text is Archives {
  return ARCHIVES.some((known) => known === text);
}

async function main(): Promise<void> {
  const string = { type: "string" } as const;
  const options = { packages: string, versions: string, seed: string, archives: string, url: string, clients: string };
  const { values } = parseArgs({ options: { ...options, config: string, help: { type: "boolean" } } });
  if (values.help) return void process.stdout.write(USAGE);
  const packages = wholeNumber(values.packages, 1_000, "packages");
  const versions = wholeNumber(values.versions, 5 * packages, "versions");
  const seed = wholeNumber(values.seed, 1, "seed");
  const archives = values.archives ?? "pool";
  if (!isArchives(archives)) throw new Error(`--archives must be one of ${ARCHIVES.join(", ")}.`);
  const drafts = new Drafts(seed, planRegistry(seed, packages, versions));
  const report = progressLine();
  if (values.url !== undefined) {
    await fillOverHttp(values.url, drafts, wholeNumber(values.clients, 4, "clients"), report);
  } else {
    await fillDatabase(readConfig(values.config), drafts, archives, report);
  }
  process.stderr.write("\n");
}

try {
  await main();
} catch (cause) {
  console.error(`fill: ${cause instanceof Error ? cause.message : cause}`);
  process.exit(1);
}
