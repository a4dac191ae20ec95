import { join } from "node:path";
import { sql } from "drizzle-orm";
import { readConfig } from "../../src/config/config.ts";
import { makeLogKey } from "../../src/config/log-key.ts";
import { openDatabase } from "../../src/db/open.ts";
import { makePackage } from "../../test/support/archive-maker.ts";
import {
  type Client,
  makeKey,
  newAccount,
  publishForm,
  type SigningKey,
  signMessage,
  statementOf,
} from "../../test/support/client.ts";
import { startPostgres } from "../../test/support/postgres.ts";
import { benchAudit } from "./audit.ts";
import { heading, missingRow, progress, ratios, report } from "./measure.ts";
import { withDirectory } from "./registry.ts";
import { load, wrkMissing } from "./wrk.ts";

const ROOT = join(import.meta.dir, "../..");
const CLIENTS = [1, 8, 64];
const ROUNDS = 5;
const ROUND_MS = 3_000;
const COST_GOAL = 1.25;
const READ_GOAL = 0.8;
const BYTES_GOAL = 500;
const READ_SECONDS = 3;

interface Side {
  readonly url: string;
  readonly publisher: Client;
  readonly key: SigningKey;
  readonly databaseEnv: Readonly<Record<string, string>>;
  /** A counter, so that no version is published twice. */
  published: number;
  readonly rates: number[];
  stop(): Promise<void>;
}

async function startSide(
  log: "on" | "off",
  directory: string,
  databaseEnv: Readonly<Record<string, string>>,
): Promise<Side> {
  const env = {
    ...{ PATH: process.env.PATH ?? "", PORT: "0", HOST: "127.0.0.1", DATA_DIR: join(directory, log) },
    ...{ JWT_KEY: "a key of this bench, made of many characters 3kQ9", PUBLISH_LIMITS: "off", LOG_LEVEL: "error" },
    ...databaseEnv,
  };
  const command = [process.execPath, join(ROOT, "scripts/bench/log-server.ts"), log];
  const server = Bun.spawn(command, { env, cwd: ROOT, stdout: "pipe", stderr: "inherit" });
  const { value } = await server.stdout.getReader().read();
  const url = `http://127.0.0.1:${Number(new TextDecoder().decode(value))}`;
  const stop = async () => {
    server.kill("SIGTERM");
    await server.exited;
  };
  const publisher = await newAccount({ url }, "bench");
  return { url, publisher, key: makeKey(), databaseEnv: env, published: 0, rates: [], stop };
}

/**
 * Publishes new versions from `clients` clients with a package each, and returns the publishes per
 * second.
 */
async function publishing(side: Side, clients: number, ms: number): Promise<number> {
  const startedMs = performance.now();
  let done = 0;
  const client = async (at: number) => {
    while (performance.now() - startedMs < ms) {
      side.published += 1;
      const [name, version] = [`bench-${clients}-${at}`, `1.0.${side.published}`];
      const archive = makePackage({ name, version });
      const signature = signMessage(side.key, statementOf(name, version, archive));
      const form = publishForm({ archive, signature, publicKey: side.key.publicHex });
      const answer = await side.publisher.post("/api/packages", form);
      if (answer.status !== 201) throw new Error(`A publish answered ${answer.status}: ${answer.text}`);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, at) => client(at)));
  return (1_000 * done) / (performance.now() - startedMs);
}

async function compare(what: string, on: Side, off: Side, clients: number): Promise<void> {
  for (const side of [on, off]) {
    side.rates.length = 0;
    await publishing(side, clients, 1_000);
  }
  for (let round = 1; round <= ROUNDS; round += 1) {
    progress(`${what}, ${clients} clients: round ${round} of ${ROUNDS}`);
    for (const side of round % 2 === 0 ? [on, off] : [off, on]) {
      side.rates.push(await publishing(side, clients, ROUND_MS));
    }
  }
  progress();
  const label = `${what}, ${clients} client${clients === 1 ? "" : "s"}`;
  report(`${label}: with the log`, on.rates, "/s", "");
  report(`${label}: without`, off.rates, "/s", "");
  report(`${label}: cost of the log`, ratios(off.rates, on.rates), "×", `≤ ${COST_GOAL} ×`, 2);
}

/** Compares the checkpoint and a tile with the metadata of a package of one version. */
async function compareReads(what: string, { url, publisher, key }: Side): Promise<void> {
  if (wrkMissing !== undefined) return console.log(missingRow(`${what}: reads`, wrkMissing));
  const archive = makePackage({ name: "read-me", version: "1.0.0" });
  await publisher.publish("read-me", "1.0.0", archive, key);
  const paths = { metadata: "/api/packages/read-me", checkpoint: "/log/checkpoint", tile: "/log/tile/0/000" };
  const rates: Record<string, number[]> = { metadata: [], checkpoint: [], tile: [] };
  for (let round = 1; round <= ROUNDS; round += 1) {
    progress(`${what}, reads: round ${round} of ${ROUNDS}`);
    for (const [name, path] of Object.entries(paths)) {
      rates[name]?.push(await load({ url: url + path, bodyBytes: 1 }, READ_SECONDS));
    }
  }
  progress();
  const { metadata = [], checkpoint = [], tile = [] } = rates;
  report(`${what}: GET of metadata`, metadata, "req/s", "");
  for (const [name, values] of Object.entries({ checkpoint, tile })) {
    report(`${what}: ${name} to metadata`, ratios(values, metadata), "×", `≥ ${READ_GOAL} ×`, 2);
  }
}

/** Reports the bytes that tiles and leaves take in the database for each version. */
async function bytesEach(what: string, { databaseEnv }: Side): Promise<void> {
  const db = await openDatabase(readConfig(undefined, databaseEnv).database);
  const text = sql`SELECT (SELECT coalesce(sum(length(data)), 0) FROM log_tiles) + (SELECT coalesce(sum(length(leaf)), 0) FROM log_leaves) AS bytes, (SELECT size FROM log_state) AS size`;
  const [counted] = await db.read(({ rows }) => rows<{ bytes: number; size: number }>(text));
  await db.close();
  const each = Number(counted?.bytes) / Number(counted?.size);
  report(`${what}: tiles and leaves for each version`, [each], "bytes", `≤ ${BYTES_GOAL}`);
}

async function measure(what: string, on: Side, off: Side): Promise<void> {
  try {
    for (const clients of CLIENTS) await compare(what, on, off, clients);
    await compareReads(what, on);
    await bytesEach(what, on);
  } finally {
    await on.stop();
    await off.stop();
  }
}

/**
 * Measures the log's cost for a publish, its answers and its size. The part `audit` measures `log
 * audit`.
 */
export async function benchLog(parts: readonly string[]): Promise<void> {
  if (parts.includes("audit")) return benchAudit(parts);
  console.log(heading());
  await withDirectory(async (directory) => {
    const key = { LOG_SIGNING_KEY: makeLogKey("bench.test/log") };
    await measure("SQLite", await startSide("on", directory, key), await startSide("off", directory, key));
    const server = await startPostgres({ durable: true });
    try {
      const databases = ["on", "off"].map((name) => `log_${name}`);
      const { SQL } = Bun;
      const admin = new SQL(server.url);
      for (const name of databases) await admin.unsafe(`CREATE DATABASE ${name}`);
      await admin.end();
      const at = (name: string) => ({ ...key, DATABASE_URL: server.url.replace(/\/[^/]*$/, `/${name}`) });
      const files = join(directory, "postgres");
      await measure(
        "Postgres",
        await startSide("on", files, at("log_on")),
        await startSide("off", files, at("log_off")),
      );
    } finally {
      await server.remove();
    }
  });
}
