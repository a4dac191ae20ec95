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
import { heading, progress, report } from "./measure.ts";
import { type Peer, prepareNpmPublish, pushBlob, pushManifest, startDistribution, startVerdaccio } from "./peers.ts";
import { ARCHIVE_BYTES, preparePublish, rateOf, send } from "./publishing.ts";
import { type BenchRegistry, buildBinary, startBinary, withDirectory } from "./registry.ts";

const ROUNDS = 5;
const ROUND_MS = 3_000;
const CLIENTS = 32;
/** The number of packages that get versions in turns, so that none gets very many. */
const PACKAGES = 1_000;
/**
 * The publishes that are prepared for the first round. Later rounds prepare by the rate of the last
 * one.
 */
const PREPARED_FIRST = 4_000;
const PREPARED_MIN = 1_000;
const PREPARED_SPARE = 1.5;
const LIMIT_GOAL = 0.5;
const QUIET = { LOG_LEVEL: "silent", PUBLISH_LIMITS: "off" };
/** The goals, in multiples of Verdaccio's rate. */
const SQLITE_GOAL = 5;
const POSTGRES_GOAL = 4;
/** The packages that get many versions, and the numbers of versions at which they are measured. */
const GROWING_PACKAGES = CLIENTS;
const GROWN_VERSIONS = [100, 250, 500];

type Settings = Readonly<Record<string, string>>;
type Publish = () => Promise<unknown>;

/** Prepares the publish of the `n`th version. */
type Publisher = (n: number) => Promise<Publish>;

/** The share of a core that this process took in every round, in percent. */
const ownShares: number[] = [];

/** The publishes of one publisher, in order. Some are prepared and never sent. */
class Publishes {
  sent = 0;
  #made = 0;
  #wanted = PREPARED_FIRST;

  constructor(readonly publisher: Publisher) {}

  async #prepare(count: number): Promise<Publish[]> {
    const prepared: Publish[] = [];
    while (prepared.length < count) {
      const publish = await this.publisher(this.#made++);
      prepared.push(async () => {
        await publish();
        this.sent += 1;
      });
    }
    return prepared;
  }

  /** Measures publishes whose requests are made before the clock starts. */
  async measure(): Promise<number> {
    const prepared = await this.#prepare(this.#wanted);
    const before = process.cpuUsage();
    const startedMs = performance.now();
    const rate = await rateOf(CLIENTS, ROUND_MS, prepared);
    const { user, system } = process.cpuUsage(before);
    ownShares.push((user + system) / 10 / (performance.now() - startedMs));
    this.#wanted = Math.max(PREPARED_MIN, Math.ceil((PREPARED_SPARE * rate * ROUND_MS) / 1_000));
    return rate;
  }

  /** Publishes until this many versions are published. */
  async reach(count: number): Promise<void> {
    while (this.sent < count) {
      progress(`publishing, ${this.sent} of ${count} versions`);
      const prepared = await this.#prepare(Math.min(count - this.sent, PREPARED_FIRST));
      await rateOf(CLIENTS, Number.POSITIVE_INFINITY, prepared.reverse());
    }
  }
}

/** Returns a function that measures a round of publishes. */
export function publishing(publisher: Publisher): () => Promise<number> {
  const publishes = new Publishes(publisher);
  return () => publishes.measure();
}

const nameOf = (n: number) => `bench-${n % PACKAGES}`;
const versionOf = (n: number) => `1.${n}.0`;

/** Returns a publisher with a new account on this registry. */
export async function ourPublisher(registry: Pick<BenchRegistry, "url">, named = nameOf): Promise<Publisher> {
  const client = await newAccount(registry);
  return async (n) => {
    const prepared = await preparePublish(client, named(n), versionOf(n));
    return () => send(prepared);
  };
}

function npmPublisher({ url }: Peer, named = nameOf): Publisher {
  return async (n) => {
    const [name, version] = [named(n), versionOf(n)];
    const prepared = prepareNpmPublish(url, name, version, archiveOf(name, ARCHIVE_BYTES, version));
    return () => send(prepared);
  };
}

/** Publishes a blob and a manifest that tags it. All manifests share one configuration. */
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

function verdaccioContender(goal: number, publishes: Publishes | undefined): Contender | Missing {
  if (publishes === undefined) return { name: "Verdaccio", missing: NOT_INSTALLED };
  return { name: "Verdaccio", goal, once: () => publishes.measure() };
}

async function contenders({ verdaccio, distribution }: Peers, goal: number): Promise<(Contender | Missing)[]> {
  return [
    verdaccioContender(goal, verdaccio && new Publishes(npmPublisher(verdaccio))),
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

/** Compares a registry with its peers and with the limits of the machine. */
async function measure(
  what: string,
  settings: Settings,
  goal: number,
  limits: (directory: string) => (Contender | Missing)[],
): Promise<void> {
  await withPeers(async (peers, directory) => {
    const [dataDir, bare] = [join(directory, "data"), join(directory, "bare")];
    mkdirSync(dataDir);
    mkdirSync(bare);
    const registry = await startBinary(dataDir, { ...QUIET, ...settings });
    try {
      const once = publishing(await ourPublisher(registry));
      const comparison = { what: `publish on ${what}, ${CLIENTS} clients`, unit: "/s", rounds: ROUNDS };
      const others = [...(await contenders(peers, goal)), ...limits(bare)];
      await compareRegistry(comparison, { name: "registry", pid: registry.pid, once }, others);
    } finally {
      await registry.stop();
    }
  });
}

/** Runs `work` with a durable Postgres and the settings of a registry on it. */
async function withPostgres(work: (url: string, settings: Settings) => Promise<void>): Promise<void> {
  const postgres = await startPostgres({ durable: true });
  try {
    const keys = { JWT_KEY: randomBytes(48).toString("base64"), LOG_SIGNING_KEY: makeLogKey("bench.test/log") };
    await work(postgres.url, { DATABASE_URL: postgres.url, ...keys });
  } finally {
    await postgres.remove();
  }
}

async function onPostgres(url: string, settings: Settings): Promise<void> {
  await makeBareTables(url);
  await measure("Postgres", settings, POSTGRES_GOAL, (directory) =>
    PGBENCH_KINDS.map((kind) => {
      const name = `${kind} and fsyncs`;
      if (programPath("pgbench") === undefined) return { name, missing: NOT_INSTALLED };
      const once = () => barePostgres(url, directory, kind, CLIENTS);
      return { name, once, ...(kind === "pgbench" ? { goal: LIMIT_GOAL } : {}) };
    }),
  );
}

/**
 * Measures new versions of packages with many versions, in comparison with packages with few, and
 * with Verdaccio and as many. The cost of a version should not depend on the number of others.
 */
async function measureGrowing(what: string, settings: Settings, goal: number): Promise<void> {
  await withPeers(async ({ verdaccio }, directory) => {
    const dataDir = join(directory, "data");
    mkdirSync(dataDir);
    const registry = await startBinary(dataDir, { ...QUIET, ...settings });
    const growing = (n: number) => `growing-${n % GROWING_PACKAGES}`;
    try {
      const few = publishing(await ourPublisher(registry));
      const ours = new Publishes(await ourPublisher(registry, growing));
      const theirs = verdaccio && new Publishes(npmPublisher(verdaccio, growing));
      for (const versions of GROWN_VERSIONS) {
        await ours.reach(versions * GROWING_PACKAGES);
        await theirs?.reach(versions * GROWING_PACKAGES);
        const comparison = { what: `publish on ${what}, ${versions} versions each`, unit: "/s", rounds: ROUNDS };
        await compare(comparison, { name: "registry", once: () => ours.measure() }, [
          { name: "few versions each", once: few },
          verdaccioContender(goal, theirs),
        ]);
      }
    } finally {
      await registry.stop();
    }
  });
}

/**
 * Measures publishes of 10 KB on both databases, in comparison with other registries and the limits
 * of the disk.
 */
export async function benchPublish(asked: readonly string[]): Promise<void> {
  buildBinary();
  console.log(heading());
  const isAsked = (part: string) => asked.length === 0 || asked.includes(part);
  if (isAsked("sqlite")) {
    await measure("SQLite", {}, SQLITE_GOAL, (directory) => [
      { name: "commits and fsyncs", goal: LIMIT_GOAL, once: () => bareSqlite(directory, CLIENTS) },
    ]);
  }
  if (isAsked("postgres")) await withPostgres(onPostgres);
  if (isAsked("versions")) {
    await measureGrowing("SQLite", {}, SQLITE_GOAL);
    await withPostgres((_, settings) => measureGrowing("Postgres", settings, POSTGRES_GOAL));
  }
  report("the bench's own part of a core", ownShares, "%", "");
}
