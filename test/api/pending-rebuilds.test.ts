import { expect, test } from "bun:test";
import { asc, sql } from "drizzle-orm";
import { PendingRebuilds } from "../../src/packages/pending-rebuilds.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

/* An upgrade leaves rows in pending_rebuilds, and what they name in its state before. */

const PACKAGES = 60;

onBothDatabases("rebuilds after an upgrade", (registry) => {
  const rebuilds = () => new PendingRebuilds(registry().deps);
  const pending = () => registry().deps.db.read(({ query, tables }) => query.select().from(tables.pendingRebuilds));
  const namesOf = async (query: string): Promise<string[]> =>
    (await new Client(registry().url).get(`/api/packages${query}`)).body.items.map(({ name }: Json) => name);
  const updatedNames = () => namesOf("?sort=updated&pageSize=100");

  /** Makes the registry what the earlier version left. */
  const makeOld = () =>
    registry().deps.db.write(async (session) => {
      for (const statement of [
        "UPDATE versions SET version_order = ''",
        "DELETE FROM package_dependencies",
        "UPDATE package_search SET fingerprint = 'old', tag_words = ' old '",
        registry().kind === "sqlite"
          ? "DELETE FROM package_terms WHERE rowid > 0"
          : "UPDATE package_search SET terms = '0old'::tsvector",
        "INSERT INTO pending_rebuilds (what, done_id) VALUES ('version_order', 0), ('listings', 0)",
      ]) {
        await session.rows(sql.raw(statement));
      }
    });
  const ordersOf = () =>
    registry().deps.db.read(({ query, tables: { versions } }) =>
      query.select({ order: versions.versionOrder }).from(versions).orderBy(asc(versions.id)),
    );

  test("a new registry has nothing to rebuild", async () => expect(await pending()).toEqual([]));

  test("words, dependents and orders of versions are derived from what is there, once", async () => {
    const publisher = await newAccount(registry());
    const key = makeKey();
    for (let at = 0; at < PACKAGES; at += 1) {
      const name = `old-${at}`;
      const dependencies = [{ name: "old-0", version: "1" }];
      const draft = { name, version: "1.0.0-9007199254740993", description: "機械学習", tags: ["C++"], dependencies };
      expect((await publisher.publish(name, draft.version, makePackage(draft), key)).status).toBe(201);
    }
    const [before, orders] = [await updatedNames(), await ordersOf()];
    await makeOld();
    expect(await namesOf("?search=学習")).toEqual([]);

    const [first, second] = [rebuilds(), rebuilds()];
    await Promise.all([first.start(), second.start()]);
    expect(await ordersOf()).toEqual(orders);
    await Promise.all([first.finished(), second.finished()]);
    expect(await pending()).toEqual([]);
    expect(await updatedNames()).toEqual(before);
    expect(await namesOf("?search=学習&pageSize=100")).toHaveLength(PACKAGES);
    expect(await namesOf("?search=C%2B%2B&pageSize=100")).toHaveLength(PACKAGES);
    expect(await namesOf("/old-0/dependents?pageSize=100")).toHaveLength(PACKAGES);
    expect((await new Client(registry().url).get("/api/packages")).body.total).toBe(PACKAGES);
  });

  test("versions that an earlier server published after the migration get their order at the next start", async () => {
    const orders = await ordersOf();
    await registry().deps.db.write((session) =>
      session.rows(sql.raw("UPDATE versions SET version_order = '' WHERE id > (SELECT max(id) - 3 FROM versions)")),
    );
    expect(await ordersOf()).not.toEqual(orders);
    await rebuilds().start();
    expect([await ordersOf(), await pending()]).toEqual([orders, []]);
  });

  test("a rebuild that is stopped goes on where it was", async () => {
    await makeOld();
    const stopped = rebuilds();
    await stopped.start();
    await stopped.close();
    const [{ doneId } = { doneId: 0 }] = await pending();
    expect(doneId).toBeGreaterThan(0);
    const next = rebuilds();
    await next.start();
    await next.finished();
    expect(await pending()).toEqual([]);
    expect(await namesOf("?search=学習&pageSize=100")).toHaveLength(PACKAGES);
  });
});
