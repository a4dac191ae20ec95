import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Database } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openDatabase } from "../../src/db/open.ts";
import { searchPackages } from "../../src/search/search-packages.ts";
import { indexPackage } from "../../src/search/searchable.ts";
import { popularityBucketOf, type SearchDocument } from "../../src/search/terms.ts";
import { wordsOf } from "../../src/search/words.ts";
import type { DatabaseKind } from "../support/registry.ts";
import { migrateBefore, type OldDatabase, oldDatabase } from "./old-database.ts";

/* Tests the migration search_candidates on a database whose packages were indexed by words only. */

const DOCUMENTS: readonly SearchDocument[] = [
  ["data-tools", ["data base", "web"], ["ada", "ann lovelace"], "Tools for 数据库 and Café", 0],
  ["kubernetes", [], ["ada"], "", 3],
  ["x.y_z", ["a:b", "é"], ["ünal"], "data data data", 4],
  ["popular", ["web"], ["ben"], "of all buckets", 70_000],
  ["hidden", ["web"], ["ben"], "every version is yanked", 9],
].map(([name, tags, authors, description, downloads], at) => ({
  ...{ packageId: at + 1, name: name as string, tags: tags as string[], authors: authors as string[] },
  ...{ description: description as string, downloads: downloads as number },
}));

/** The words of a package, as the earlier version wrote them. */
function oldWords(kind: DatabaseKind, { packageId, name, tags, authors, description }: SearchDocument): string {
  const texts = [name, tags.join(" "), authors.join(" "), description].map(wordsOf);
  if (kind === "sqlite") {
    const columns = texts.map((words) => `'${words.join(" ")}'`);
    return `INSERT INTO package_words (rowid, name, tags, authors, description) VALUES (${packageId}, ${columns.join()})`;
  }
  const weights = ["A", "B", "C", "D"];
  const placed = texts.flatMap((words, of) => words.map((word) => ({ word, weight: weights[of] })));
  const vector = placed.map(({ word, weight }, at) => `''${word}'':${at + 1}${weight}`).join(" ");
  return `INSERT INTO package_words (package_id, name, words) VALUES (${packageId}, '${name}', '${vector}'::tsvector)`;
}

async function insertOld({ kind, run }: OldDatabase, document: SearchDocument): Promise<void> {
  const { packageId, name, tags, authors, description, downloads } = document;
  const [time, listed] = kind === "sqlite" ? ["1000", "1"] : ["now()", "true"];
  const isListed = name === "hidden" ? (kind === "sqlite" ? "0" : "false") : listed;
  await run(
    `INSERT INTO packages (id, name, name_folded, description, tags, listed, downloads, created_at, updated_at)
      VALUES (${packageId}, '${name}', '${name.replace(/[_.]/g, "-")}', '${description}', '[]', ${isListed}, ${downloads}, ${time}, ${time})`,
  );
  for (const tag of tags) await run(`INSERT INTO package_tags (package_id, tag) VALUES (${packageId}, '${tag}')`);
  for (const author of authors) {
    await run(`INSERT INTO package_authors (package_id, author) VALUES (${packageId}, '${author}')`);
  }
  await run(oldWords(kind, document));
  if (kind === "sqlite") await run(`INSERT INTO package_trigrams (rowid, name) VALUES (${packageId}, '${name}')`);
}

describe.each<DatabaseKind>(["sqlite", "postgres"])("the upgrade of the search index (%s)", (kind) => {
  let old: OldDatabase;
  let db: Database;
  beforeAll(async () => {
    old = await oldDatabase(kind);
    await migrateBefore(old, "search_candidates");
    for (const document of DOCUMENTS) await insertOld(old, document);
    await migrate(old.config);
    db = await openDatabase(old.config);
  });
  afterAll(async () => {
    await db.close();
    await old.close();
  });

  async function found(asked: { search?: string; tags?: string[]; author?: string }): Promise<(string | undefined)[]> {
    const { search, tags = [], author } = asked;
    const page = await searchPackages(
      { db },
      { search, tags, author, readable: undefined, sort: "relevance", page: 1, pageSize: 20 },
    );
    expect(page.total).toBe(page.ids.length);
    return page.ids.map((id) => DOCUMENTS[id - 1]?.name);
  }

  test("after the upgrade, search finds each package by words, name, tags and authors, and no other", async () => {
    expect(await found({ search: "data" })).toEqual(["data-tools", "x.y_z"]);
    expect(await found({ search: "数据" })).toEqual(["data-tools"]);
    expect(await found({ search: "CAFÉ tool" })).toEqual(["data-tools"]);
    expect(await found({ search: "ubernet" })).toEqual(["kubernetes"]);
    expect(await found({ search: "kubernets" })).toEqual(["kubernetes"]);
    expect(await found({ search: "x.y_z" })).toEqual(["x.y_z"]);
    expect(await found({ tags: ["data base"] })).toEqual(["data-tools"]);
    expect(await found({ tags: ["web"] })).toEqual(["popular", "data-tools"]);
    expect(await found({ tags: ["é"] })).toEqual(["x.y_z"]);
    expect(await found({ author: "ada" })).toEqual(["kubernetes", "data-tools"]);
    expect(await found({ author: "Ünal", search: "data" })).toEqual(["x.y_z"]);
    expect(await found({})).toEqual(["popular", "x.y_z", "kubernetes", "data-tools"]);
    expect(await found({ search: "hidden" })).toEqual([]);
  });

  test("the upgrade writes the same rows as indexing", async () => {
    const listed = DOCUMENTS.filter(({ name }) => name !== "hidden");
    const rows = () => old.rows("SELECT * FROM package_search ORDER BY package_id");
    const shape = (row: Readonly<Record<string, unknown>>) => ({
      ...row,
      fingerprint: "",
      name_words: String(row.name_words).split(" ").sort(),
      // Packages that are indexed today have commas between their tags.
      tag_words: String(row.tag_words).replaceAll(", ", "").trim().split(/ +/).sort(),
      author_words: String(row.author_words).split(" ").sort(),
    });
    const migrated = (await rows()).map(shape);
    expect(migrated.map((row) => Number((row as { tier?: unknown }).tier))).toEqual(
      listed.map(({ downloads }) => popularityBucketOf(downloads)),
    );
    await db.write(async (session) => {
      for (const document of listed) await indexPackage(session, kind, document);
    });
    expect((await rows()).map(shape)).toEqual(migrated);
    expect(await found({ search: "data" })).toEqual(["data-tools", "x.y_z"]);
  });
});
