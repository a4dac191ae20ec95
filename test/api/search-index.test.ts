import { expect, test } from "bun:test";
import { indexPackage } from "../../src/search/searchable.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

onBothDatabases("the search index", (registry) => {
  test("accepts any text, also one that folding makes eighteen times as long", async () => {
    const alice = await newAccount(registry());
    const published = await alice.publish(
      "folded",
      "1.0.0",
      makePackage({ name: "folded", version: "1.0.0" }),
      makeKey(),
    );
    expect(published.status).toBe(201);
    const { db } = registry().deps;
    const unlike = (count: number, tail: string) => Array.from({ length: count }, (_, index) => `<${index}> ${tail}`);
    await db.write(async (session) => {
      const [found] = await session.query.select().from(session.tables.packages);
      const packageId = found?.id ?? 0;
      const distinct = unlike(200, "ﷺ".repeat(190)).map((text, index) => text.replaceAll("ﷺ", `ﷺ${index}`));
      const description = unlike(20_000, "数".repeat(60)).map((text, index) => text + index);
      await indexPackage(session, db.kind, {
        packageId,
        name: "folded",
        tags: distinct,
        authors: distinct,
        description: description.join(" "),
        downloads: 0,
      });
    });
    expect((await alice.get("/api/packages?search=folded")).body.total).toBe(1);
  });

  test("accepts maintainers whose names folding makes eighteen times as long", async () => {
    const alice = await newAccount(registry());
    const maintainers = Array.from({ length: 40 }, (_, index) => ({ name: `<${index}> ${"ﷺ".repeat(190)}` }));
    const archive = makePackage({ name: "maintained", version: "1.0.0", maintainers });
    const published = await alice.publish("maintained", "1.0.0", archive, makeKey());
    expect([published.status, published.body.code]).toEqual([201, undefined]);
    const author = encodeURIComponent(maintainers[7]?.name ?? "");
    expect((await alice.get(`/api/packages?author=${author}`)).body.total).toBe(1);
  });
});
