import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeLogKey } from "../../src/config/log-key.ts";
import { newAccount } from "../../test/support/client.ts";
import { startPostgres } from "../../test/support/postgres.ts";
import { archiveOf } from "./archives.ts";
import { barePostgres, bareSqlite, makeBareTables, PGBENCH_KINDS } from "./bare-commits.ts";
import { type Contender, compare, type Missing } from "./compare.ts";
import { compareRegistry, NOT_INSTALLED } from "./compare-reads.ts";
import { programPath } from "./install-peers.ts";
import { heading, progress, row } from "./measure.ts";
import { type Peer, prepareNpmPublish, pushBlob, pushManifest, startDistribution, startVerdaccio } from "./peers.ts";
import { ARCHIVE_BYTES, preparePublish, rateOf, send } from "./publishing.ts";
import { type BenchRegistry, buildBinary, startBinary, withDirectory } from "./registry.ts";

const ROUNDS = 5;
const ROUND_MS = 3_000;
const CLIENTS = 32;
/** Versions go to so many packages in turns, so that none gets very many. */
const PACKAGES = 1_000;
/** Publishes that are prepared for the first round; for the others by what was done before. */
const PREPARED_FIRST = 4_000;
const PREPARED_MIN = 1_000;
const PREPARED_SPARE = 1.5;
const LIMIT_GOAL = 0.5;
/** Packages that have many versions before they get more, and how many. */
const OLD_PACKAGES = CLIENTS;
const OLD_VERSIONS = 500;

type Publish = () => Promise<unknown>;

/** Somebody who publishes `n`th versions. */
type Publisher = (n: number) => Promise<Publish>;

/** How much of a core this process took while it loaded others, in every round. */
const ownShares: number[] = [];

/** Measures publishes whose requests are made before the clock runs. */
export function publishing(publisher: Publisher): () => Promise<number> {
  let made = 0;
  let wanted = PREPARED_FIRST;
  return async () => {
    const prepared: Publish[] = [];
    while (prepared.length < wanted) prepared.push(await publisher(made++));
    const before = process.cpuUsage();
    const startedMs = performance.now();
    const rate = await rateOf(CLIENTS, ROUND_MS, prepared);
    const { user, system } = process.cpuUsage(before);
    ownShares.push((user + system) / 10 / (performance.now() - startedMs));
    wanted = Math.max(PREPARED_MIN, Math.ceil((PREPARED_SPARE * rate * ROUND_MS) / 1_000));
    return rate;
  };
}

const nameOf = (n: number) => `bench-${n % PACKAGES}`;
const versionOf = (n: number) => `1.${n}.0`;

/** Somebody who publishes on this registry. */
export async function ourPublisher(registry: Pick<BenchRegistry, "url">, named = nameOf): Promise<Publisher> {
  const client = await newAccount(registry);
  return async (n) => {
    const prepared = await preparePublish(client, named(n), versionOf(n));
    return () => send(prepared);
  };
}

function npmPublisher({ url }: Peer): Publisher {
  return async (n) => {
    const prepared = prepareNpmPublish(url, nameOf(n), versionOf(n), archiveOf(nameOf(n), ARCHIVE_BYTES, versionOf(n)));
    return () => send(prepared);
  };
}

/** A blob and the manifest that tags it. The image's configuration is the same for all. */
async function ociPublisher({ url }: Peer): Promise<Publisher> {
  const repository = "bench";
  const settings = new TextEncoder().encode("{}");
  const config = { digest: await pushBlob(url, repository, settings), size: settings.length };
  return async (n) => {
    const blob = archiveOf(nameOf(n), ARCHIVE_BYTES, versionOf(n));
    return async () => {
      const digest = await pushBlob(url, repository, blob);
      await pushManifest(url, repository, `v${n}`, { digest, size: blob.length }, config);
    };
  };
}

interface Peers {
  readonly verdaccio: Peer | undefined;
  readonly distribution: Peer | undefined;
}

async function contenders({ verdaccio, distribution }: Peers, goal: number): Promise<(Contender | Missing)[]> {
  return [
    verdaccio === undefined
      ? { name: "Verdaccio", missing: NOT_INSTALLED }
      : { name: "Verdaccio", goal, once: publishing(npmPublisher(verdaccio)) },
    distribution === undefined
      ? { name: "Distribution", missing: NOT_INSTALLED }
      : { name: "Distribution", once: publishing(await ociPublisher(distribution)) },
  ];
}

async function withPeers(work: (peers: Peers, directory: string) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const verdaccio = await startVerdaccio(directory);
    try {
      const distribution = await startDistribution(directory);
      await work({ verdaccio, distribution }, directory).finally(() => distribution?.stop());
    } finally {
      await verdaccio?.stop();
    }
  });
}

/** Measures one registry beside peers and its limits. */
async function measure(
  what: string,
  settings: Readonly<Record<string, string>>,
  goal: number,
  limits: (directory: string) => (Contender | Missing)[],
): Promise<void> {
  await withPeers(async (peers, directory) => {
    const [dataDir, bare] = [join(directory, "data"), join(directory, "bare")];
    mkdirSync(dataDir);
    mkdirSync(bare);
    const registry = await startBinary(dataDir, { LOG_LEVEL: "silent", PUBLISH_LIMITS: "off", ...settings });
    try {
      const once = publishing(await ourPublisher(registry));
      const comparison = { what: `publish, ${CLIENTS} clients`, unit: "/s", rounds: ROUNDS };
      const others = [...(await contenders(peers, goal)), ...limits(bare)];
      await compareRegistry(comparison, { name: what, pid: registry.pid, once }, others);
    } finally {
      await registry.stop();
    }
  });
}

async function onPostgres(): Promise<void> {
  const postgres = await startPostgres({ durable: true });
  try {
    await makeBareTables(postgres.url);
    const keys = { JWT_KEY: randomBytes(48).toString("base64"), LOG_SIGNING_KEY: makeLogKey("bench.test/log") };
    await measure("Postgres", { DATABASE_URL: postgres.url, ...keys }, 4, (directory) =>
      PGBENCH_KINDS.map((kind) => {
        const name = `${kind}, fsyncs`;
        if (programPath("pgbench") === undefined) return { name, missing: NOT_INSTALLED };
        const once = () => barePostgres(postgres.url, directory, kind, CLIENTS);
        return { name, once, ...(kind === "pgbench" ? { goal: LIMIT_GOAL } : {}) };
      }),
    );
  } finally {
    await postgres.remove();
  }
}

/** New versions of packages that have many, beside those of packages that have few: the others should not matter. */
async function withManyVersions(): Promise<void> {
  await withDirectory(async (directory) => {
    const registry = await startBinary(directory, { LOG_LEVEL: "silent", PUBLISH_LIMITS: "off" });
    try {
      const old = await ourPublisher(registry, (n) => `old-${n % OLD_PACKAGES}`);
      const filling: Publish[] = [];
      let made = 0;
      while (made < OLD_PACKAGES * OLD_VERSIONS) filling.push(await old(made++));
      progress(`publishing ${filling.length} versions`);
      await rateOf(CLIENTS, Number.POSITIVE_INFINITY, filling.reverse());
      const young = { name: "packages of few versions", once: publishing(await ourPublisher(registry)) };
      const first = { name: `packages of ${OLD_VERSIONS} versions`, once: publishing((n) => old(made + n)) };
      const comparison = { what: `publish, SQLite, ${CLIENTS} clients`, unit: "/s", rounds: ROUNDS };
      await compare(comparison, first, [young]);
    } finally {
      await registry.stop();
    }
  });
}

/** Publishes of 10 KB on both databases, beside the registries that people run instead and what the disk allows. */
export async function benchPublish(asked: readonly string[]): Promise<void> {
  buildBinary();
  console.log(heading());
  if (asked.length === 0 || asked.includes("sqlite")) {
    await measure("SQLite", {}, 5, (directory) => [
      { name: "commits and fsyncs", goal: LIMIT_GOAL, once: () => bareSqlite(directory, CLIENTS) },
    ]);
  }
  if (asked.length === 0 || asked.includes("postgres")) await onPostgres();
  if (asked.length === 0 || asked.includes("versions")) await withManyVersions();
  console.log(row("the bench's own part of a core", ownShares, "%", ""));
}
