import { type SQL, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { rowArrays } from "../db/statement.ts";
import { countListed } from "./list-page.ts";
import { oneTypoFrom } from "./one-typo.ts";
import { textIndexOf } from "./open-text-index.ts";
import { namePrefixTerm, POPULARITY_BUCKETS } from "./terms.ts";
import { type TextIndex, withNames } from "./text-index.ts";
import { PART_MIN_CHARS, type SearchText, SIMILARITY_MIN, shortestPartsOf, similarityTo, wordsOf } from "./words.ts";

const RESEMBLING_MAX = 20;
/**
 * Up to this number of listed packages, every name that shares trigrams with the text is compared
 * with it.
 */
const COMPARE_ALL_MAX = 20_000;
/**
 * In larger registries, this many names per part of the text are compared. One typing error leaves
 * one half of the text whole.
 */
const COMPARED_OF_PART = 200;

/**
 * Finds packages whose names resemble a text, among those that meet the filters: for typing errors.
 * Names that are one error away come first, the most downloaded of them before the others. Then
 * come the names that are most alike.
 */
export async function resembling(
  session: DbSession,
  kind: Database["kind"],
  { text }: SearchText,
  { filters, isUsual }: { readonly filters: SQL; readonly isUsual: boolean },
): Promise<number[]> {
  if (text.length < PART_MIN_CHARS) return [];
  const index = textIndexOf({ kind });
  const isSmall = (await countListed(session)) <= COMPARE_ALL_MAX;
  const near = oneTypoFrom(text);
  const alike = isSmall ? index.resembling(text) : withNameParts(index, text);
  const locators =
    near.length === 0 ? alike : sql`SELECT row_locator FROM (${alike}) AS alike UNION ${withNames(index, near)}`;
  const rows = await rowArrays(
    session,
    kind,
    sql`SELECT s.package_id AS id, s.name AS name, s.downloads AS downloads
      FROM (${locators}) AS n ${index.joinRow(sql`n.row_locator`)} WHERE ${filters}`,
    isUsual,
  );
  const similarity = similarityTo(text);
  const nearest = new Set(near);
  const parts = shortestPartsOf(text);
  const rate = (name: string): number => {
    if (nearest.has(name)) return 1;
    // pg_trgm also finds names that share only the beginning of a short word, which SQLite cannot.
    return isSmall && !parts.some((part) => name.includes(part)) ? 0 : similarity(name);
  };
  const found = rows.map(([id, name, downloads]) => ({
    id: Number(id),
    name: String(name),
    downloads: Number(downloads),
    alike: rate(String(name)),
  }));
  return found
    .filter(({ alike }) => alike >= SIMILARITY_MIN)
    .sort((a, b) => b.alike - a.alike || b.downloads - a.downloads || (a.name < b.name ? -1 : 1))
    .slice(0, RESEMBLING_MAX)
    .map(({ id }) => id);
}

/**
 * A subquery of the row locators of packages whose names begin as the text does, or contain one
 * half of its longest word. Parts with separators in them are not used: pg_trgm ignores separators
 * and would compare every name with what is left.
 */
function withNameParts(index: TextIndex, text: string): SQL {
  const words = wordsOf(text);
  const name = words.join("-");
  const longest = words.toSorted((a, b) => b.length - a.length)[0] ?? "";
  const half = Math.ceil(longest.length / 2);
  const beginnings = [2, 3].map((parts) => name.slice(0, Math.ceil(name.length / parts)));
  const insides = [longest.slice(0, half), longest.slice(-half)].filter((part) => part.length >= PART_MIN_CHARS);
  const sources = [
    ...beginnings.map((part) => {
      const buckets = POPULARITY_BUCKETS.map((bucket) => index.matching(bucket, [[namePrefixTerm(part)]]));
      return sql`SELECT row_locator FROM (${sql.join(buckets, sql` UNION ALL `)}) AS buckets LIMIT ${COMPARED_OF_PART}`;
    }),
    ...insides.map(
      (part) => sql`SELECT row_locator FROM (${index.namesContaining(part)}) AS inside LIMIT ${COMPARED_OF_PART}`,
    ),
  ].map((source) => sql`SELECT row_locator FROM (${source}) AS source`);
  return sql.join(sources, sql` UNION `);
}
