import { afterAll, beforeAll, expect, test } from "bun:test";
import { SORTS } from "../../src/search/package-search.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry("postgres");
});
afterAll(() => registry.stop());

/** Counts the prepared statements of one connection. */
async function preparedTexts(): Promise<number> {
  const count = "SELECT CAST(count(*) AS int) FROM pg_prepared_statements WHERE statement LIKE '%package_search%'";
  const [row] = await registry.deps.db.read(({ valuesOnce }) => valuesOnce(count, []));
  return Number(row?.[0]);
}

test("searches of every kind leave only a few prepared statements in a connection of Postgres", async () => {
  const long = "z".repeat(120);
  const words = Array.from({ length: 12 }, (_, at) => `word${at}`);
  const texts = ["", ...words.map((_, at) => words.slice(0, at + 1).join(" "))];
  const narrowings = ["", "&tags=a", "&tags=a,b,c,d", `&tags=${long}`, `&tags=${"abcdefghij".split("").join(",")}`];
  for (const text of texts) {
    for (const narrowed of narrowings.flatMap((tags) => [tags, `${tags}&author=ada`])) {
      for (const sort of SORTS) {
        const query = `search=${encodeURIComponent(text)}&sort=${sort}${narrowed}`;
        const answer = await fetch(`${registry.url}/api/packages?${query}`);
        expect([query, answer.status]).toEqual([query, 200]);
        await answer.arrayBuffer();
      }
    }
  }
  const counts = await Promise.all(Array.from({ length: 16 }, preparedTexts));
  expect(Math.max(...counts)).toBeGreaterThan(3);
  expect(Math.max(...counts)).toBeLessThan(40);
});
