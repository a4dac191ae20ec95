/*
 * `npm run bench -- <name> [<part>…]`: measures, prints the results with their goals and writes
 * them to dist/bench/<name>.json. A missed goal does not fail the run. Compare only numbers of the
 * same run; docs/benchmarks.md has the methods.
 *
 * `npm run bench -- chart [<result file>…]`: records result files in docs/benchmarks.json and makes
 * chart and table of it.
 */
import { writeResults } from "./bench/results.ts";

type Bench = (parts: readonly string[]) => Promise<void>;

/** Loaded on demand: the modules of some benches compile what they need. */
const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  backup: async () => (await import("./bench/backup.ts")).benchBackup,
  chart: async () => (await import("./bench/chart.ts")).writeChart,
  client: async () => (await import("./bench/client.ts")).benchClient,
  download: async () => (await import("./bench/download.ts")).benchDownload,
  inspect: async () => (await import("./bench/inspect.ts")).benchInspect,
  list: async () => (await import("./bench/list.ts")).benchList,
  log: async () => (await import("./bench/log.ts")).benchLog,
  login: async () => (await import("./bench/login.ts")).benchLogin,
  pages: async () => (await import("./bench/pages.ts")).benchPages,
  metrics: async () => (await import("./bench/metrics.ts")).benchMetrics,
  peers: async () => (await import("./bench/install-peers.ts")).installPeers,
  profile: async () => (await import("./bench/profile.ts")).benchProfile,
  publish: async () => (await import("./bench/publish.ts")).benchPublish,
  read: async () => (await import("./bench/read.ts")).benchRead,
  search: async () => (await import("./bench/search.ts")).benchSearch,
  soak: async () => (await import("./bench/soak.ts")).benchSoak,
  start: async () => (await import("./bench/start.ts")).benchStart,
  workers: async () => (await import("./bench/workers.ts")).benchWorkers,
};

const name = process.argv[2] ?? "";
const load = BENCHES[name];
if (load === undefined) {
  console.error(
    `Usage: npm run bench -- <name>\nNames: ${Object.keys(BENCHES).join(", ")}\nExample: npm run bench -- start`,
  );
  process.exit(64);
}
const bench = await load();
await bench(process.argv.slice(3));
const written = writeResults(name);
if (written !== undefined) console.log(`\nThe results are in ${written}`);
