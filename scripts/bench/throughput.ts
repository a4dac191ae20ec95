import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newAccount } from "../../test/support/client.ts";
import { archiveOf, downloadPath, publishArchive } from "./archives.ts";
import { compare } from "./compare.ts";
import { missingRow } from "./measure.ts";
import { type Nginx, startNginx } from "./nginx.ts";
import { type BenchRegistry, startBinary, withDirectory } from "./registry.ts";
import { load, wrkMissing } from "./wrk.ts";

const ROUNDS = 7;
const ROUND_S = 3;
const RATIO_GOAL = 0.9;

/** `goal` is the smallest ratio to nginx that meets the goal. */
const SIZES: readonly { name: string; label: string; bytes: number; goal?: number }[] = [
  { name: "bench-10kb", label: "10 KB", bytes: 10_000 },
  { name: "bench-1mb", label: "1 MB", bytes: 1_000_000, goal: RATIO_GOAL },
  { name: "bench-20mb", label: "20 MB", bytes: 20_000_000 },
];

interface Sides {
  readonly registry: BenchRegistry;
  readonly nginx: Nginx | undefined;
}

function compareSize({ registry, nginx }: Sides, { name, label, goal }: (typeof SIZES)[number], bytes: number) {
  const once = (url: string) => () => load({ url, bodyBytes: bytes }, ROUND_S);
  const theirs = nginx === undefined ? { missing: "there is no nginx" } : { once: once(`${nginx.url}/${name}`) };
  return compare(
    { what: `download of ${label}`, unit: "req/s", rounds: ROUNDS },
    { name: "registry", once: once(registry.url + downloadPath(name)) },
    [{ name: "nginx", ...theirs, ...(goal === undefined ? {} : { goal }) }],
  );
}

/** Measures downloads from files by the registry and by nginx with `sendfile`, one process each. */
export async function benchThroughput(): Promise<void> {
  if (wrkMissing !== undefined) return console.log(missingRow("download, registry to nginx", wrkMissing));
  await withDirectory(async (directory) => {
    const files = join(directory, "files");
    const dataDir = join(directory, "data");
    mkdirSync(files);
    mkdirSync(dataDir);
    const registry = await startBinary(dataDir, { LOG_LEVEL: "silent" });
    const nginx = await startNginx(directory, files);
    try {
      const client = await newAccount(registry);
      for (const size of SIZES) {
        const archive = archiveOf(size.name, size.bytes);
        await publishArchive(client, size.name, archive);
        writeFileSync(join(files, size.name), archive);
        await compareSize({ registry, nginx }, size, archive.length);
      }
    } finally {
      await nginx?.stop();
      await registry.stop();
    }
  });
}
