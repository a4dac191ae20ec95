import { createHash } from "node:crypto";
import { eq, type SQL, sql } from "drizzle-orm";
import type { Database, DbSession, Tables } from "../db/database.ts";
import { statement } from "../db/statement.ts";
import { textIndexOf } from "./open-text-index.ts";
import { indexTermsOf, popularityBucketOf, type SearchDocument } from "./terms.ts";
import type { TextIndex } from "./text-index.ts";
import { asTagWords, WORDS_VERSION, wordsOf } from "./words.ts";

type Kind = Database["kind"];
type SearchRow = Tables["packageSearch"]["$inferSelect"];

/** The longest text that ranking looks at. Names are shorter; words beyond it are still found. */
const RANKED_MAX_CHARS = 2_000;

function ranked(text: string): string {
  return ` ${wordsOf(text).join(" ").slice(0, RANKED_MAX_CHARS)} `;
}

function rankedTags(tags: readonly string[]): string {
  return tags.map(asTagWords).join("").slice(0, RANKED_MAX_CHARS);
}

/** Returns the row by which a package is ranked. */
export function searchRow({ packageId, name, tags, authors, description, downloads }: SearchDocument): SearchRow {
  const everything = JSON.stringify([WORDS_VERSION, name, tags.toSorted(), authors.toSorted(), description]);
  return {
    ...{ packageId, name, downloads, popularityBucket: popularityBucketOf(downloads) },
    ...{ nameWords: ranked(name), tagWords: rankedTags(tags), authorWords: ranked(authors.join(" ")) },
    fingerprint: createHash("sha256").update(everything).digest("base64").slice(0, 22),
  };
}

async function changeListed({ query, tables: { listedPackages } }: DbSession, more: 1 | -1): Promise<void> {
  const listed = sql`${listedPackages.listed} + ${more}`;
  await query.update(listedPackages).set({ listed }).where(eq(listedPackages.id, 1));
}

const rowOfPackage = statement<{ packageId: number }, SearchRow>(({ query, tables: { packageSearch } }) =>
  query
    .select()
    .from(packageSearch)
    .where(eq(packageSearch.packageId, sql.placeholder("packageId"))),
);

async function findRow(session: DbSession, packageId: number): Promise<SearchRow | undefined> {
  const [row] = await rowOfPackage(session, { packageId });
  return row;
}

/**
 * Indexes a listed package as it is now, in the transaction that changed it and holds its lock.
 * Most publishes change nothing that a package is found by; then nothing is written.
 */
export async function indexPackage(session: DbSession, kind: Kind, document: SearchDocument): Promise<void> {
  const row = searchRow(document);
  const before = await findRow(session, row.packageId);
  if (before?.fingerprint === row.fingerprint && before.popularityBucket === row.popularityBucket) return;
  const index = textIndexOf({ kind });
  const terms = indexTermsOf(document);
  if (before !== undefined) await index.remove(session, row.packageId);
  await putRow(session, row, index.column(terms));
  await index.add(session, row.packageId, row.name, terms);
  if (before === undefined) await changeListed(session, 1);
}

/** Writes a row, including the column that only one of the databases has. */
async function putRow(session: DbSession, row: SearchRow, column: ReturnType<TextIndex["column"]>): Promise<void> {
  const values = [
    row.packageId,
    row.name,
    row.popularityBucket,
    row.downloads,
    row.nameWords,
    row.tagWords,
    row.authorWords,
    row.fingerprint,
  ];
  const names = sql.raw("package_id, name, tier, downloads, name_words, tag_words, author_words, fingerprint");
  const more =
    column === undefined
      ? [sql``, sql``, sql``]
      : [sql`, ${column.name}`, sql`, ${column.value}`, sql`, ${column.name} = excluded.${column.name}`];
  await session.rows(sql`INSERT INTO package_search (${names}${more[0]}) VALUES (${sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  )}${more[1]})
    ON CONFLICT (package_id) DO UPDATE SET name = excluded.name, tier = excluded.tier, downloads = excluded.downloads,
      name_words = excluded.name_words, tag_words = excluded.tag_words, author_words = excluded.author_words, fingerprint = excluded.fingerprint${more[2]}`);
}

/** Removes a package from lists and searches. */
export async function unindexPackage(session: DbSession, kind: Kind, packageId: number): Promise<void> {
  if ((await findRow(session, packageId)) === undefined) return;
  const { packageSearch } = session.tables;
  await session.query.delete(packageSearch).where(eq(packageSearch.packageId, packageId));
  await textIndexOf({ kind }).remove(session, packageId);
  await changeListed(session, -1);
}

/**
 * Adds downloads to packages and moves those that reached the next popularity bucket, in the
 * transaction that counts the downloads. `more` is a table of (column1: id, column2: downloads).
 */
export async function addSearchDownloads(session: DbSession, kind: Kind, more: SQL): Promise<void> {
  const counted = await session.rows<{ id: number | string; bucket: number | string; downloads: number | string }>(
    sql`UPDATE package_search SET downloads = downloads + more.column2 FROM ${more} WHERE package_id = more.column1
      RETURNING package_id AS id, tier AS bucket, downloads`,
  );
  for (const { id, bucket, downloads } of counted) {
    if (popularityBucketOf(Number(downloads)) === Number(bucket)) continue;
    await indexPackage(session, kind, await loadDocument(session, Number(id), Number(downloads)));
  }
}

/** Loads what a package is found by from its rows. */
async function loadDocument(
  { query, tables }: DbSession,
  packageId: number,
  downloads: number,
): Promise<SearchDocument> {
  const { packages, packageTags, packageAuthors } = tables;
  const [row] = await query
    .select({ name: packages.name, description: packages.description })
    .from(packages)
    .where(eq(packages.id, packageId));
  if (row === undefined) throw new Error("A package that is searched was not found");
  const tags = await query.select().from(packageTags).where(eq(packageTags.packageId, packageId));
  const authors = await query.select().from(packageAuthors).where(eq(packageAuthors.packageId, packageId));
  return {
    packageId,
    downloads,
    ...row,
    tags: tags.map(({ tag }) => tag),
    authors: authors.map(({ author }) => author),
  };
}
