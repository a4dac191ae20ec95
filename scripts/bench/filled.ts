import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { makeLogKey } from "../../src/config/log-key.ts";
import { type PostgresServer, startPostgres } from "../../test/support/postgres.ts";
import { fill } from "./filling.ts";
import { type BenchRegistry, startBinary } from "./registry.ts";

export type FilledKind = "sqlite" | "postgres";
export const KINDS: readonly FilledKind[] = ["sqlite", "postgres"];
export const KIND_NAMES = { sqlite: "SQLite", postgres: "Postgres" } as const;

/** The size of a filled registry. */
export interface FilledSize {
  readonly packages: number;
  readonly versions: number;
}

export const SMALL: FilledSize = { packages: 1_000, versions: 5_000 };
export const SIZES: readonly FilledSize[] = [
  { packages: 100_000, versions: 1_000_000 },
  { packages: 1_000_000, versions: 5_000_000 },
];

/**
 * Where filled registries are kept, because filling a million packages takes many minutes. Postgres
 * does not run as root and cannot read root's home.
 */
const CACHE =
  process.env.CPM_BENCH_CACHE ??
  (process.getuid?.() === 0 ? "/var/cache/cpm-bench" : join(homedir(), ".cache/cpm-bench"));

/**
 * Returns the sizes and databases that the arguments name. Without a size all sizes, without a
 * database both.
 */
export function askedRegistries(asked: readonly string[]): {
  readonly sizes: readonly FilledSize[];
  readonly kinds: readonly FilledKind[];
} {
  const known = [SMALL, ...SIZES];
  const named = asked.filter((text) => !KINDS.some((kind) => kind === text));
  const sizes = named.map((text) => {
    const size = known.find(({ packages }) => String(packages) === text);
    const there = [...known.map(({ packages }) => packages), ...KINDS].join(", ");
    if (size === undefined) throw new Error(`There is no ${text}. There are: ${there}`);
    return size;
  });
  const kinds = KINDS.filter((kind) => asked.includes(kind));
  return { sizes: sizes.length === 0 ? SIZES : sizes, kinds: kinds.length === 0 ? KINDS : kinds };
}

export function sizeName({ packages, versions }: FilledSize): string {
  return `${packages.toLocaleString("en")} packages, ${versions.toLocaleString("en")} versions`;
}

/** Filled registries on both databases, with the Postgres server of those that need it. */
export class FilledRegistries {
  #postgres: PostgresServer | undefined;

  /** `more` are settings in addition to those of every filled registry. */
  constructor(readonly more: Readonly<Record<string, string>> = {}) {}

  /** Starts the executable on a registry of this size. Fills it first where it does not exist. */
  async start(kind: FilledKind, size: FilledSize): Promise<BenchRegistry> {
    const dataDir = join(CACHE, `${kind}-${size.packages}-${size.versions}`);
    const settings = {
      PUBLISH_LIMITS: "off",
      LOG_LEVEL: "silent",
      ...this.more,
      ...(await this.#settings(kind, size, dataDir)),
    };
    const done = join(dataDir, "filled");
    if (!existsSync(done)) {
      console.error(`Filling ${dataDir}, once`);
      await fill(dataDir, size, "none", settings);
      writeFileSync(done, "");
    }
    return startBinary(dataDir, settings);
  }

  async stop(): Promise<void> {
    await this.#postgres?.stop("fast");
    await this.#postgres?.remove();
  }

  async #settings(kind: FilledKind, size: FilledSize, dataDir: string): Promise<Record<string, string>> {
    mkdirSync(dataDir, { recursive: true });
    const keyFile = join(dataDir, "key-of-the-log");
    if (!existsSync(keyFile)) writeFileSync(keyFile, makeLogKey("bench.test/log"));
    const keys = {
      JWT_KEY: "a key of this bench, made of many characters 3kQ9",
      LOG_SIGNING_KEY: readFileSync(keyFile, "utf8").trim(),
    };
    if (kind === "sqlite") return keys;
    this.#postgres ??= await startPostgres({ kept: join(CACHE, "postgres") });
    const name = `filled_${size.packages}_${size.versions}`;
    await ensureDatabase(this.#postgres.url, name);
    return { ...keys, DATABASE_URL: this.#postgres.url.replace(/\/[^/]*$/, `/${name}`) };
  }
}

async function ensureDatabase(url: string, name: string): Promise<void> {
  const admin = new Bun.SQL(url);
  const found = await admin`SELECT 1 FROM pg_database WHERE datname = ${name}`;
  if (found.length === 0) await admin.unsafe(`CREATE DATABASE ${name}`);
  await admin.end();
}
