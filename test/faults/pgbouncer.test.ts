import { afterEach, beforeEach, expect, test } from "bun:test";
import postgres from "postgres";
import { ConfigError } from "../../src/config/config.ts";
import { SESSION_SETTINGS } from "../../src/db/postgres/client-options.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { type PgBouncer, reasonAgainstPgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { testPostgres } from "../support/postgres.ts";
import { startRegistry } from "../support/registry.ts";

/* A registry behind a real PgBouncer: it works in session mode, and says what is wrong otherwise. */

const reason = reasonAgainstPgBouncer();
if (reason !== undefined) console.warn(`Skipped: no registry is tested behind PgBouncer, ${reason}`);

const ignored = Object.keys(SESSION_SETTINGS).join(",");
let url: string;
let bouncer: PgBouncer | undefined;

beforeEach(async () => {
  url = await (await testPostgres()).createDatabase();
});

afterEach(async () => {
  await bouncer?.stop();
  bouncer = undefined;
  await (await testPostgres()).dropDatabase(url);
});

async function startBehind(settings: Readonly<Record<string, string>>) {
  bouncer = await startPgBouncer(url, settings);
  return startRegistry("postgres", { env: { DATABASE_URL: bouncer.url } });
}

/** What the start says of DATABASE_URL. */
async function refusalBehind(settings: Readonly<Record<string, string>>): Promise<string> {
  const cause = await startBehind(settings).then(
    () => undefined,
    (error) => error,
  );
  if (!(cause instanceof ConfigError)) throw new Error("The registry started, or failed in another way", { cause });
  expect(cause.problems.map(({ setting }) => setting)).toEqual(["DATABASE_URL"]);
  return cause.problems[0]?.message ?? "";
}

test.skipIf(reason !== undefined)("a registry behind PgBouncer in session mode publishes and reads", async () => {
  const registry = await startBehind({
    pool_mode: "session",
    ignore_startup_parameters: ignored,
    default_pool_size: "40",
  });
  try {
    const client = await newAccount(registry);
    const archive = makePackage({ name: "pooled", version: "1.0.0" });
    expect((await client.publish("pooled", "1.0.0", archive, makeKey())).status).toBe(201);
    const guest = new Client(registry.url);
    expect((await guest.get("/api/packages/pooled/1.0.0/download")).status).toBe(200);
    expect((await guest.get("/health/ready")).status).toBe(200);
  } finally {
    await registry.stop();
  }
});

for (const pool_mode of ["transaction", "statement"]) {
  test.skipIf(reason !== undefined)(`PgBouncer in ${pool_mode} mode is refused at start with the reason`, async () => {
    const refusal = await refusalBehind({ pool_mode, ignore_startup_parameters: ignored });
    expect(refusal).toContain("pooler in transaction or statement mode");
    expect(refusal).toContain("pool_mode = session");
  });
}

test.skipIf(reason !== undefined)(
  "PgBouncer in transaction mode is refused, too, where it has open sessions and one to give",
  async () => {
    bouncer = await startPgBouncer(url, {
      pool_mode: "transaction",
      ignore_startup_parameters: ignored,
      server_round_robin: "1",
      default_pool_size: "6",
    });
    // Six sessions stand ready, so that the pooler need not give the same one twice at once.
    const others = postgres(bouncer.url, { max: 6, fetch_types: false });
    await Promise.all(Array.from({ length: 6 }, () => others.begin((sql) => sql`SELECT pg_sleep(0.2)`)));
    await expect(startRegistry("postgres", { env: { DATABASE_URL: bouncer.url } })).rejects.toThrow(
      "transaction or statement mode",
    );
    await others.end();
  },
);

test.skipIf(reason !== undefined)(
  "PgBouncer that refuses session settings is explained with the line that it needs",
  async () => {
    const refusal = await refusalBehind({ pool_mode: "session" });
    expect(refusal).toContain("refuses the session setting");
    expect(refusal).toContain(`ignore_startup_parameters = ${ignored.replaceAll(",", ", ")}`);
  },
);

test.skipIf(reason !== undefined)("PgBouncer that gives too few connections is refused at start", async () => {
  const settings = { pool_mode: "session", ignore_startup_parameters: ignored, default_pool_size: "1" };
  expect(await refusalBehind(settings)).toContain("too few connections");
});

test.skipIf(reason !== undefined)(
  "session settings that PgBouncer does not pass on are named with the statement that sets them",
  async () => {
    const name = new URL(url).pathname.slice(1);
    const admin = postgres(url, { max: 1 });
    await admin.unsafe(`ALTER DATABASE "${name}" SET default_transaction_isolation = 'serializable'`);
    await admin.end();
    const settings = { pool_mode: "session", ignore_startup_parameters: ignored };
    expect(await refusalBehind(settings)).toContain(
      "In the database: ALTER ROLE postgres SET default_transaction_isolation = 'read committed'",
    );
  },
);
