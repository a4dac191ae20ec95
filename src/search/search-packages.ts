import { type SQL, sql } from "drizzle-orm";
import { foldIdentity } from "../accounts/user.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { coversColumn } from "./covers-column.ts";
import { type TextIndex, textIndexOf } from "./text-index.ts";
import { parseSearch, type SearchText } from "./words.ts";

export const SORTS = ["relevance", "downloads", "updated", "name"] as const;
export type Sort = (typeof SORTS)[number];

/** What a list is asked for. `page` counts from 1. */
export interface PackageSearch {
  readonly search: string | undefined;
  /** A package must have all of them. */
  readonly tags: readonly string[];
  readonly author: string | undefined;
  /** Names and patterns of what may be found; undefined: everything. */
  readonly readable: readonly string[] | undefined;
  readonly sort: Sort;
  readonly page: number;
  readonly pageSize: number;
}

/** Ids of one page, in order, and how many packages match in all. */
export interface PackagePage {
  readonly ids: readonly number[];
  readonly total: number;
}

function tagsFilter(tags: readonly string[]): SQL[] {
  if (tags.length === 0) return [];
  const folded = [...new Set(tags.map(foldTag))];
  return [
    sql`p.id IN (SELECT package_id FROM package_tags WHERE tag IN (${sql.join(
      folded.map((tag) => sql`${tag}`),
      sql`, `,
    )})
      GROUP BY package_id HAVING count(*) = ${folded.length})`,
  ];
}

/** Tags compare without case, like the names of people. */
export function foldTag(tag: string): string {
  return foldIdentity(tag.trim());
}

function authorFilter(author: string | undefined): SQL[] {
  if (author === undefined) return [];
  return [sql`p.id IN (SELECT package_id FROM package_authors WHERE author = ${foldIdentity(author.trim())})`];
}

function order(sort: Sort, search: SearchText | undefined): SQL {
  if (sort === "name") return sql`p.name`;
  if (sort === "updated") return sql`p.updated_at DESC, p.name`;
  if (sort === "downloads" || search === undefined) return sql`p.downloads DESC, p.name`;
  const begins = sql`substr(p.name, 1, ${search.text.length}) = ${search.text}`;
  return sql`CASE WHEN p.name = ${search.text} THEN 0 WHEN ${begins} THEN 1 ELSE 2 END, m.score DESC, p.downloads DESC, p.name`;
}

/**
 * Finds listed packages. With a search text every word must begin a word of name, tags, authors or description, or
 * the name must contain the text; an exact name comes first. When nothing matches, names that resemble the text are
 * the answer, so a typing error still finds its package.
 */
export async function searchPackages({ db }: Pick<Deps, "db">, asked: PackageSearch): Promise<PackagePage> {
  const search = parseSearch(asked.search);
  const index = textIndexOf(db);
  const filters = [
    sql`p.listed`,
    coversColumn(asked.readable, sql`p.name`),
    ...tagsFilter(asked.tags),
    ...authorFilter(asked.author),
  ];
  if (search !== undefined && search.words.length === 0) return { ids: [], total: 0 };
  return db.read(async (session) => {
    const matches = search === undefined ? sql`` : sql`JOIN (${index.matching(search)}) m ON m.id = p.id`;
    const from = sql`FROM packages p ${matches} WHERE ${sql.join(filters, sql` AND `)}`;
    const [counted] = await session.rows<{ total: number | string }>(sql`SELECT count(*) AS total ${from}`);
    const total = Number(counted?.total ?? 0);
    if (total === 0 && search !== undefined) return resembling(asked, search, filters, session, index);
    const offset = (asked.page - 1) * asked.pageSize;
    if (offset >= total) return { ids: [], total };
    const rows = await session.rows<{ id: number | string }>(
      sql`SELECT p.id AS id ${from} ORDER BY ${order(asked.sort, search)} LIMIT ${asked.pageSize} OFFSET ${offset}`,
    );
    return { ids: rows.map(({ id }) => Number(id)), total };
  });
}

async function resembling(
  asked: PackageSearch,
  search: SearchText,
  filters: readonly SQL[],
  session: DbSession,
  index: TextIndex,
): Promise<PackagePage> {
  const candidates = await index.resembling(session, search.text, asked.readable);
  if (candidates.length === 0) return { ids: [], total: 0 };
  const among = sql`p.id IN (${sql.join(
    candidates.map((id) => sql`${id}`),
    sql`, `,
  )})`;
  const rows = await session.rows<{ id: number | string }>(
    sql`SELECT p.id AS id FROM packages p WHERE ${sql.join([...filters, among], sql` AND `)}`,
  );
  const listed = new Set(rows.map(({ id }) => Number(id)));
  const ids = candidates.filter((id) => listed.has(id));
  const offset = (asked.page - 1) * asked.pageSize;
  return { ids: ids.slice(offset, offset + asked.pageSize), total: ids.length };
}
