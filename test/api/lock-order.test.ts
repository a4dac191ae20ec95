import { afterAll, beforeAll, expect, test } from "bun:test";
import type postgres from "postgres";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { disableAccount } from "../../src/moderation/set-disabled.ts";
import { createDownloadCounter } from "../../src/packages/download-counter.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { addKey, newKey, removeKey, resetTo } from "../support/key-statements.ts";
import { untilLockWaiters } from "../support/lock-waiters.ts";
import { clientOf, startRegistry, type TestRegistry } from "../support/registry.ts";

/*
 * On Postgres, transactions that lock the same rows in different orders deadlock
 * (docs/architecture.md).
 */

let registry: TestRegistry;
let sql: postgres.Sql;
let alice: Client;

beforeAll(async () => {
  registry = await startRegistry("postgres", { env: { PUBLISH_LIMITS: "off" } });
  sql = clientOf(registry);
  alice = await newAccount(registry);
});
afterAll(async () => {
  await sql.end();
  await registry.stop();
});

test("a change that takes a key from a package locks the log after everything else", async () => {
  const [first, second] = [await newKey(alice), await newKey(alice)];
  await alice.publish("leaked", "1.0.0", makePackage({ name: "leaked", version: "1.0.0" }), first);
  expect((await addKey(alice, "leaked", second, { by: first })).status).toBe(200);
  const removal = { by: second, reason: "compromised", since: "1.0.0" } as const;
  let removing: ReturnType<typeof removeKey> | undefined;
  await sql.begin(async (counting) => {
    await counting`UPDATE listed_packages SET listed = listed`;
    removing = removeKey(alice, "leaked", first, removal);
    await untilLockWaiters(registry, 1);
    const states = await sql`SELECT size FROM log_state FOR UPDATE NOWAIT`;
    expect(states.length).toBe(1);
  });
  expect((await removing)?.status).toBe(200);
});

test("an eviction ends every pending reset before it locks the log for the first of them", async () => {
  const carol = await newAccount(registry);
  const key = await newKey(carol);
  const names = ["reset-a", "reset-b"];
  for (const name of names) {
    expect((await carol.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key)).status).toBe(201);
    expect((await resetTo(carol, name, makeKey())).status).toBe(200);
  }
  let disabling: ReturnType<typeof disableAccount> | undefined;
  await sql.begin(async (other) => {
    const held = await other`SELECT 1 FROM package_key_resets
      WHERE package_id = (SELECT max(id) FROM packages WHERE name IN ${sql(names)}) FOR UPDATE`;
    expect(held.length).toBe(1);
    disabling = disableAccount(registry.deps, OPERATOR, carol.username, { retireKeys: false });
    await untilLockWaiters(registry, 1);
    const states = await sql`SELECT size FROM log_state FOR UPDATE SKIP LOCKED`;
    expect(states.length).toBe(1);
  });
  expect((await disabling)?.changed).toBe(true);
  expect((await sql`SELECT 1 FROM package_key_resets`).length).toBe(0);
  const cancels = await sql`SELECT 1 FROM package_key_changes WHERE action = 'cancel' AND log_index IS NOT NULL`;
  expect(cancels.length).toBe(2);
});

test("a publish locks the account before the package, even if publishes are not limited", async () => {
  const key = makeKey();
  const dora = await newAccount(registry);
  const publish = (version: string) => dora.publish("alone", version, makePackage({ name: "alone", version }), key);
  await publish("1.0.0");
  // Versions of a package that is not listed are recorded alone.
  await dora.send("DELETE", "/api/packages/alone/1.0.0", { reason: "broken" });
  let publishing: ReturnType<typeof publish> | undefined;
  await sql.begin(async (other) => {
    await other`SELECT 1 FROM users WHERE username = ${dora.username} FOR UPDATE`;
    publishing = publish("1.1.0");
    await untilLockWaiters(registry, 1);
    const free = await sql`SELECT 1 FROM packages WHERE name = 'alone' FOR UPDATE SKIP LOCKED`;
    expect(free.length).toBe(1);
  });
  expect((await publishing)?.status).toBe(201);
});

test("two servers that count downloads of the same packages wait for each other, whatever the order of the downloads", async () => {
  const key = makeKey();
  const bob = await newAccount(registry);
  const names = ["counted-a", "counted-b"];
  for (const name of names) await bob.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);
  const rows = await sql`SELECT v.id, v.package_id, p.name FROM versions v JOIN packages p ON p.id = v.package_id
    WHERE p.name IN ${sql(names)} ORDER BY p.id`;
  const versions = rows.map((row) => ({
    name: row.name,
    versionId: Number(row.id),
    packageId: Number(row.package_id),
  }));
  const [least] = versions;
  const { db, logger, clock } = registry.deps;
  for (const order of [versions, versions.toReversed()]) {
    const counter = createDownloadCounter(db, logger, clock);
    for (const version of order) counter.count(version, null);
    let flushing: Promise<void> | undefined;
    await sql.begin(async (other) => {
      await other`SELECT 1 FROM packages WHERE id = ${least?.packageId ?? 0} FOR UPDATE`;
      flushing = counter.flush();
      await untilLockWaiters(registry, 1);
      // The waiting transaction has not locked the second package.
      const free = await sql`SELECT 1 FROM packages WHERE name IN ${sql(names)} FOR UPDATE SKIP LOCKED`;
      expect(free.length).toBe(1);
    });
    await flushing;
    await counter.close();
  }
  const counts = await sql`SELECT downloads::int AS downloads FROM packages WHERE name IN ${sql(names)}`;
  expect(counts.map(({ downloads }) => downloads)).toEqual([2, 2]);
});
