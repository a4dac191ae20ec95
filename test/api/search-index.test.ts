import { expect, test } from "bun:test";
import { textIndexOf } from "../../src/search/text-index.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

onBothDatabases("search index", (registry) => {
  test("takes any text, also one that folding makes eighteen times as long", async () => {
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
      await textIndexOf(db).put(session, {
        packageId,
        name: "folded",
        tags: distinct,
        authors: distinct,
        description: description.join(" "),
      });
    });
    expect((await alice.get("/api/packages?search=folded")).body.total).toBe(1);
  });
});
