import { beforeAll, expect, test } from "bun:test";
import { eq, sql } from "drizzle-orm";
import { parseVersion } from "../../src/domain/version.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

const NAME = "many";
const VERSIONS = 20_000;
const BATCH = 400;

/** Version numbers in the order of their precedence. */
const numbers = Array.from({ length: VERSIONS }, (_, at) => `1.${Math.floor(at / 100)}.${at % 100}`);

onBothDatabases(
  "a package of 20,000 versions",
  (registry) => {
    let publisher: Client;
    const key = makeKey();
    const get = (query = "") => publisher.get(`/api/packages/${NAME}${query}`);
    const numbersOf = ({ versions }: Json): string[] => versions.map(({ version }: Json) => version);
    const publish = (version: string) => publisher.publish(NAME, version, makePackage({ name: NAME, version }), key);

    /** Copies the first version, because publishing so many would take minutes. */
    const insertAll = async () => {
      const { db } = registry().deps;
      for (let at = 1; at < VERSIONS; at += BATCH) {
        await db.write(async ({ query, tables: { versions } }) => {
          const [{ id: _, ...first } = {}] = await query.select().from(versions).limit(1);
          const rows = numbers.slice(at, at + BATCH).map((version) => ({
            ...(first as typeof versions.$inferInsert),
            ...{ version, versionKey: version, versionOrder: parseVersion(version)?.order ?? "", logIndex: null },
          }));
          await query.insert(versions).values(rows);
        });
      }
      await db.write(async (session) => {
        const { packages } = session.tables;
        const latest = numbers.at(-1) ?? null;
        await session.query.update(packages).set({ latest }).where(eq(packages.name, NAME));
        session.invalidate(NAME);
      });
    };

    beforeAll(async () => {
      publisher = await newAccount(registry());
      expect((await publish(numbers[0] ?? "")).status).toBe(201);
      await insertAll();
      if (registry().kind === "postgres")
        await registry().deps.db.write((session) => session.rows(sql`ANALYZE versions`));
    });

    test("its document has the newest hundred and a cursor", async () => {
      const answer = await get();
      expect(answer.status).toBe(200);
      expect(numbersOf(answer.body)).toEqual(numbers.slice(-100).toReversed());
      expect(answer.body.latest).toBe(numbers.at(-1) ?? "");
      expect(answer.body.nextCursor).toBe(numbers.at(-100) ?? "");
      expect(answer.text.length).toBeLessThan(200_000);
    });

    test("a walk by cursor has every version once, while others are published and yanked", async () => {
      const seen: string[] = [];
      for (let [cursor, at] = ["", 0]; cursor !== "null"; at += 1) {
        const { body } = await get(`?pageSize=100${cursor === "" ? "" : `&cursor=${cursor}`}`);
        seen.push(...numbersOf(body));
        cursor = String(body.nextCursor);
        if (at > 2) continue;
        expect((await publish(`2.0.${at}`)).status).toBe(201);
        expect((await publisher.send("DELETE", `/api/packages/${NAME}/${numbers[500 + at]}`, {})).status).toBe(200);
      }
      expect(seen).toEqual(numbers.toReversed());
      const page = numbersOf((await get("?page=3&pageSize=10")).body);
      expect(page).toEqual([...["2.0.2", "2.0.1", "2.0.0"], ...numbers.toReversed()].slice(20, 30));
    }, 120_000);

    test("a page beyond the last is empty, a wrong cursor is refused, and latest is shown on every page", async () => {
      const { body } = await get("?page=100000");
      expect([body.versions, body.nextCursor, body.latest, body.version]).toEqual([[], null, "2.0.2", "2.0.2"]);
      for (const query of ["?cursor=x", "?cursor=", "?cursor=1.0", "?page=0", "?pageSize=101"]) {
        expectProblem(await get(query), 422, "validation_failed");
      }
      expectProblem(await new Client(registry().url).get("/api/packages/none?cursor=1.0.0"), 404, "package_not_found");
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
