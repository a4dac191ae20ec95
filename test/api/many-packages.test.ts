import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { asc, desc, eq } from "drizzle-orm";
import { Drafts } from "../../scripts/fill/drafts.ts";
import { fillDatabase } from "../../scripts/fill/into-database.ts";
import { planRegistry } from "../../scripts/fill/plan.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, type Json, makeKey, newAccount } from "../support/client.ts";
import { type DatabaseKind, startRegistry, type TestRegistry } from "../support/registry.ts";

/* There are more packages than a search returns, and more than two anchors of a list are apart. */

const [SEED, PACKAGES] = [3, 4_600];
const FOUND_MAX = 1_000;
const KINDS = ["sqlite", "postgres"] as const satisfies DatabaseKind[];
const drafts = new Drafts(SEED, planRegistry(SEED, PACKAGES, PACKAGES));
const started = new Map<DatabaseKind, TestRegistry>();

function registryOf(kind: DatabaseKind): TestRegistry {
  const registry = started.get(kind);
  if (registry === undefined) throw new Error("The registries are not started yet");
  return registry;
}

const get = async (kind: DatabaseKind, query: string) =>
  (await new Client(registryOf(kind).url).get(`/api/packages?${query}`)).body;
const namesOf = ({ items }: Json): string[] => items.map(({ name }: { name: string }) => name);

beforeAll(async () => {
  for (const kind of KINDS) {
    const registry = await startRegistry(kind, { env: { PUBLISH_LIMITS: "off" } });
    started.set(kind, registry);
    await fillDatabase(registry.deps.config, drafts, "none", () => undefined);
  }
});
afterAll(async () => {
  for (const registry of started.values()) await registry.stop();
});

test("both databases find the same packages in the same order", async () => {
  const words = ["data", "web", "kubernetes", "for", "da", "li", "k", "stream tool", "zzz", "data-", "net"];
  const typos = ["kubernets", "databse", "librayr-web", "montior", "moniotr", "clod"];
  const names = drafts.names.slice(0, 20);
  const questions = [
    ...[...words, ...typos, ...names].map((text) => `search=${encodeURIComponent(text)}`),
    ...["tags=data", "tags=data,tool", "search=web&tags=tool", "search=data&sort=updated", "search=data&sort=name"],
    ...["search=data&page=3", "search=web&sort=downloads", `author=${drafts.account(0).username}&sort=updated`],
  ];
  for (const question of questions) {
    const [sqlite, postgres] = [await get("sqlite", question), await get("postgres", question)];
    expect([question, sqlite.total, namesOf(sqlite)]).toEqual([question, postgres.total, namesOf(postgres)]);
  }
});

for (const kind of KINDS) {
  describe(`many packages (${kind})`, () => {
    test("a search returns at most a thousand packages and reports that there are more", async () => {
      const first = await get(kind, "search=for&pageSize=100");
      expect(first).toMatchObject({ total: FOUND_MAX, totalCapped: true, totalPages: 10 });
      expect(namesOf(await get(kind, "search=for&pageSize=100&page=10"))).toHaveLength(100);
      const behind = await get(kind, "search=for&pageSize=100&page=11");
      expect([behind.items, behind.total, behind.totalCapped]).toEqual([[], FOUND_MAX, true]);
      const pages = await Promise.all(
        Array.from({ length: 10 }, (_, at) => get(kind, `search=for&pageSize=100&page=${at + 1}`)),
      );
      expect(new Set(pages.flatMap(namesOf)).size).toBe(FOUND_MAX);
      const longest = drafts.names.toSorted((a, b) => b.length - a.length)[0];
      const rare = await get(kind, `search=${longest}`);
      expect([namesOf(rare), rare.total, "totalCapped" in rare]).toEqual([[longest], 1, false]);
    });

    test("a package without downloads is found by its name among more matches than a search reads", async () => {
      const publisher = await newAccount(registryOf(kind));
      const [name, version] = ["for", "1.0.0"];
      const before = (await get(kind, "pageSize=1")).total;
      const published = await publisher.publish(name, version, makePackage({ name, version }), makeKey());
      expect(published.status).toBe(201);
      expect(namesOf(await get(kind, "search=for"))[0]).toBe("for");
      expect(namesOf(await get(kind, "sort=updated&pageSize=1"))).toEqual(["for"]);
      expect((await get(kind, "pageSize=1")).total).toBe(before + 1);
      await publisher.send("DELETE", `/api/packages/${name}/${version}`, {});
      expect(namesOf(await get(kind, "search=for"))[0]).not.toBe("for");
      expect((await get(kind, "pageSize=1")).total).toBe(before);
      await publisher.post(`/api/packages/${name}/${version}`);
      expect(namesOf(await get(kind, "search=for"))[0]).toBe("for");
    });

    test("a walk by cursor has every listed package once, in the order of the pages, also of a search", async () => {
      for (const question of ["sort=updated", "sort=downloads", "sort=name", "search=for"]) {
        const walked: string[] = [];
        for (let cursor = ""; ; ) {
          const body = await get(kind, `${question}&pageSize=100${cursor}`);
          walked.push(...namesOf(body));
          if (body.nextCursor === null) break;
          cursor = `&cursor=${body.nextCursor}`;
        }
        const { total } = await get(kind, question);
        expect([question, new Set(walked).size, walked.length]).toEqual([question, total, total]);
        expect(walked.slice(700, 800)).toEqual(namesOf(await get(kind, `${question}&pageSize=100&page=8`)));
        const { nextCursor } = await get(kind, `${question}&pageSize=50&page=5`);
        expect(namesOf(await get(kind, `${question}&pageSize=50&cursor=${nextCursor}`))).toEqual(
          walked.slice(250, 300),
        );
      }
    });

    test("lists have every listed package once and in order, page by page and with pages skipped", async () => {
      const { db } = registryOf(kind).deps;
      const rows = await db.read(({ query, tables: { packages } }) =>
        query.select().from(packages).where(eq(packages.listed, true)).orderBy(asc(packages.name)),
      );
      const orders = {
        name: rows.map(({ name }) => name),
        updated: rows.toSorted((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime()).map(({ name }) => name),
        downloads: rows.toSorted((a, b) => b.downloads - a.downloads).map(({ name }) => name),
      };
      for (const [sort, names] of Object.entries(orders)) {
        for (const page of [46, 1, 45, 20, 21, 41, 3]) {
          const list = await get(kind, `sort=${sort}&pageSize=100&page=${page}`);
          expect([sort, page, list.total]).toEqual([sort, page, names.length]);
          expect(namesOf(list)).toEqual(names.slice(100 * (page - 1), 100 * page));
        }
      }
    });

    test("downloads move a package to a more popular bucket", async () => {
      const { db, downloads } = registryOf(kind).deps;
      const [least] = await db.read(({ query, tables: { packageSearch, versions } }) =>
        query
          .select({ name: packageSearch.name, packageId: packageSearch.packageId, versionId: versions.id })
          .from(packageSearch)
          .innerJoin(versions, eq(versions.packageId, packageSearch.packageId))
          .where(eq(packageSearch.popularityBucket, 2))
          .orderBy(desc(packageSearch.packageId))
          .limit(1),
      );
      if (least === undefined) throw new Error("Nothing was downloaded 16 times");
      for (let client = 0; client < 300; client += 1) downloads.count(least, `10.0.${client >> 8}.${client & 255}`);
      await downloads.flush();
      const [row] = await db.read(({ query, tables: { packageSearch, packages } }) =>
        query
          .select({
            bucket: packageSearch.popularityBucket,
            counted: packageSearch.downloads,
            downloads: packages.downloads,
          })
          .from(packageSearch)
          .innerJoin(packages, eq(packages.id, packageSearch.packageId))
          .where(eq(packages.id, least.packageId)),
      );
      expect(row?.bucket).toBe(4);
      expect(row?.counted).toBe(row?.downloads ?? 0);
      expect(namesOf(await get(kind, `search=${least.name}`))[0]).toBe(least.name);
    });
  });
}
