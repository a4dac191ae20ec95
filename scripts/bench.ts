/*
 * `bun run bench -- <name> [<part>…]`: measures, prints beside the goal, never fails a build. Numbers of one run are compared
 * with each other only; docs/benchmarks.md says when and where the recorded ones were taken.
 */
import { benchDownload } from "./bench/download.ts";
import { benchInspect } from "./bench/inspect.ts";
import { installPeers } from "./bench/install-peers.ts";
import { benchList } from "./bench/list.ts";
import { benchLog } from "./bench/log.ts";
import { benchLogin } from "./bench/login.ts";
import { benchProfile } from "./bench/profile.ts";
import { benchPublish } from "./bench/publish.ts";
import { benchRead } from "./bench/read.ts";
import { benchSearch } from "./bench/search.ts";
import { benchSoak } from "./bench/soak.ts";
import { benchStart } from "./bench/start.ts";
import { benchWorkers } from "./bench/workers.ts";

const BENCHES: Readonly<Record<string, (parts: readonly string[]) => Promise<void>>> = {
  download: benchDownload,
  inspect: benchInspect,
  list: benchList,
  log: benchLog,
  login: benchLogin,
  peers: installPeers,
  profile: benchProfile,
  publish: benchPublish,
  read: benchRead,
  search: benchSearch,
  soak: benchSoak,
  start: benchStart,
  workers: benchWorkers,
};

const name = process.argv[2] ?? "";
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(
    `Usage: bun run bench -- <name>\nNames: ${Object.keys(BENCHES).join(", ")}\nExample: bun run bench -- start`,
  );
  process.exit(64);
}
await bench(process.argv.slice(3));
