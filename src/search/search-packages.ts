import { type SQL, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { rowArrays } from "../db/statement.ts";
import { foldIdentity } from "../domain/identity.ts";
import { coversColumn } from "./covers-column.ts";
import { cutPage, idsNeeded } from "./cut-page.ts";
import { listPage } from "./list-page.ts";
import { textIndexOf } from "./open-text-index.ts";
import type { PackagePage, PackageSearch, Sort } from "./package-search.ts";
import { resembling } from "./resembling.ts";
import {
  authorTerm,
  isUncut,
  namePrefixTerm,
  POPULARITY_BUCKETS,
  patternTerms,
  type Term,
  type TermConditions,
  tagTerm,
  wordPrefixTerm,
} from "./terms.ts";
import type { TextIndex } from "./text-index.ts";
import { termsOfWords } from "./word-terms.ts";
import { asTagWords, isNamePart, PART_MIN_CHARS, parseSearch, type SearchText } from "./words.ts";

/**
 * The most packages that a search finds: the most popular ones. To see others, the caller must
 * narrow the search.
 */
export const FOUND_MAX = 1_000;
/**
 * The number of names that begin with the text and are always candidates, the most popular first.
 */
const BEGINNING_MAX = 200;

/**
 * A statement has a part for each word. Statements of up to this many words are prepared; those of
 * more are planned at every call. Postgres keeps memory for each prepared statement in every
 * connection.
 */
const USUAL_WORDS_MAX = 3;

/** The number of packages of a tag or an author whose names are searched for the text. */
const INSIDE_LOOKED_AT_MAX = 2_000;

const NOTHING: PackagePage = { ids: [], total: 0, isCapped: false, next: undefined };

/** Folds a tag. Tags compare without case, like user names. */
export function foldTag(tag: string): string {
  return foldIdentity(tag.trim());
}

/** A search, translated for the text index and the tables. */
interface SearchQuery {
  readonly search: SearchText | undefined;
  /** The conditions that every match meets, from tags, author and what the caller may read. */
  readonly narrowed: TermConditions;
  /** The same conditions on tables, where `s` is package_search. */
  readonly filters: SQL;
  /**
   * The part of these conditions that the index cannot decide alone, because it cuts long tags and
   * authors.
   */
  readonly recheck: SQL | undefined;
  /** True if its statements have one of a few texts, so that they are worth preparing. */
  readonly isUsual: boolean;
}

const allOf = (conditions: readonly SQL[]) => sql.join([sql`TRUE`, ...conditions], sql` AND `);

/**
 * A condition that is true if a package has all of these tags, which are distinct. They are
 * counted, because Postgres plans one EXISTS per tag as joins in every order: with many tags the
 * planning takes far longer than the search.
 */
function tagsFilter({ texts }: TextIndex, tags: readonly string[]): SQL[] {
  if (tags.length === 0) return [];
  return [
    sql`(SELECT count(*) FROM package_tags WHERE package_id = s.package_id AND tag IN (${texts(tags)})) = ${tags.length}`,
  ];
}

function authorFilter(author: string): SQL {
  return sql`EXISTS (SELECT 1 FROM package_authors WHERE package_id = s.package_id AND author = ${author})`;
}

function searchQueryOf(index: TextIndex, { search, tags, author, readable }: PackageSearch): SearchQuery {
  const byAuthor = author === undefined ? [] : [foldIdentity(author.trim())];
  const covered = readable?.includes("*") ? undefined : readable;
  const isLong = (text: string) => !isUncut(text);
  const longer = [...tagsFilter(index, tags.filter(isLong)), ...byAuthor.filter(isLong).map(authorFilter)];
  const text = parseSearch(search);
  return {
    search: text,
    narrowed: [
      ...tags.map((tag) => [tagTerm(tag)]),
      ...byAuthor.map((name) => [authorTerm(name)]),
      ...(covered === undefined ? [] : [patternTerms(covered)]),
    ],
    filters: allOf([coversColumn(covered, sql`s.name`), ...tagsFilter(index, tags), ...byAuthor.map(authorFilter)]),
    recheck: longer.length === 0 ? undefined : allOf(longer),
    isUsual: (text?.words.length ?? 0) <= USUAL_WORDS_MAX && covered === undefined && longer.length === 0,
  };
}

/**
 * The most popular packages that meet the conditions, bucket after bucket. Both databases stop
 * reading when they have enough.
 */
function mostPopular(index: TextIndex, conditions: TermConditions, max: number): SQL {
  const buckets = POPULARITY_BUCKETS.map((bucket) => index.matching(bucket, conditions));
  return sql`SELECT row_locator FROM (${sql.join(buckets, sql` UNION ALL `)}) AS buckets LIMIT ${max}`;
}

/** The package that has a text as its name. */
function namedExactly({ rowLocator }: TextIndex, text: string, filters: SQL): SQL {
  return sql`SELECT s.${rowLocator} AS row_locator FROM packages p JOIN package_search s ON s.package_id = p.id
    WHERE p.name = ${text} AND ${filters}`;
}

/**
 * The candidates: packages that meet all conditions, among them those whose names begin with the
 * text. If these are not enough, packages with the text anywhere inside their names are added.
 */
function candidates(
  index: TextIndex,
  { search, narrowed, filters, recheck }: SearchQuery,
  words: readonly Term[],
): SQL {
  if (search === undefined) {
    return sql`found AS MATERIALIZED (${rechecked(index, mostPopular(index, narrowed, FOUND_MAX + 1), recheck)})`;
  }
  const { text } = search;
  const sources = [mostPopular(index, [...narrowed, ...words.map((word) => [word])], FOUND_MAX + 1)];
  const isPart = isNamePart(text);
  if (isPart) {
    sources.push(
      namedExactly(index, text, filters),
      mostPopular(index, [...narrowed, [namePrefixTerm(text)]], BEGINNING_MAX),
    );
  }
  const each = sources.map((source) => sql`SELECT row_locator FROM (${source}) AS source`);
  const matched = sql`matched AS MATERIALIZED (${rechecked(index, sql.join(each, sql` UNION `), recheck)})`;
  if (!isPart || text.length < PART_MIN_CHARS) return sql`${matched}, found AS (SELECT row_locator FROM matched)`;
  const inside = sql`SELECT i.row_locator FROM (${rechecked(index, matchingInside(index, text, narrowed), recheck)}) AS i
    WHERE (SELECT count(*) FROM matched) <= ${FOUND_MAX}`;
  return sql`${matched}, found AS MATERIALIZED (SELECT row_locator FROM matched UNION SELECT row_locator FROM (${inside}) AS inside)`;
}

/**
 * Packages with a text inside their names. If there are conditions, only the most popular packages
 * that meet them are searched.
 */
function matchingInside(index: TextIndex, text: string, narrowed: TermConditions): SQL {
  if (narrowed.length === 0)
    return sql`SELECT row_locator FROM (${index.namesContaining(text)}) AS every LIMIT ${FOUND_MAX + 1}`;
  const popular = mostPopular(index, narrowed, INSIDE_LOOKED_AT_MAX);
  return sql`SELECT n.row_locator FROM (${popular}) AS n ${index.joinRow(sql`n.row_locator`)} WHERE ${index.contains(sql`s.name`, text)}`;
}

/**
 * Removes candidates that the index matched wrongly. That is only possible with long tags and
 * authors.
 */
function rechecked(index: TextIndex, locators: SQL, recheck: SQL | undefined): SQL {
  if (recheck === undefined) return locators;
  return sql`SELECT c.row_locator FROM (${locators}) AS c ${index.joinRow(sql`c.row_locator`)} WHERE ${recheck}`;
}

/**
 * Rates how well a word fits: names count more than tags, and tags more than authors and
 * descriptions.
 */
function points(word: string, { contains }: TextIndex): SQL {
  return sql`CASE WHEN ${contains(sql`s.name_words`, ` ${word} `)} THEN 12 WHEN ${contains(sql`s.name_words`, ` ${word}`)} THEN 10
    WHEN ${contains(sql`s.tag_words`, ` ${word}`)} THEN 6 WHEN ${contains(sql`s.author_words`, ` ${word}`)} THEN 3 ELSE 1 END`;
}

/**
 * The ORDER BY of a search. It is one text for all orders except `updated`: an order that was not
 * asked for is NULL in all rows. With `updated` in the same text, Postgres would plan the statement
 * at every call, because only the parameters show that no other table is needed.
 */
function order(sort: Sort, search: SearchText | undefined, index: TextIndex): SQL {
  if (sort === "updated") return sql`(SELECT updated_at FROM packages WHERE id = s.package_id) DESC, s.name`;
  const isBy = (order: Sort) => sql`CAST(${sort === order ? 1 : 0} AS integer) = 1`;
  const common = sql`CASE WHEN ${isBy("name")} THEN 0 ELSE s.downloads END DESC, s.name`;
  if (search === undefined) return common;
  const { text, words } = search;
  const begins = sql`substr(s.name, 1, ${text.length}) = ${text}`;
  const isTag = index.contains(sql`s.tag_words`, asTagWords(text));
  const nameRank = sql`CASE WHEN s.name = ${text} THEN 0 WHEN ${begins} THEN 1 WHEN ${isTag} THEN 2 ELSE 3 END`;
  const fit = sql.join(
    words.map((word) => points(word, index)),
    sql` + `,
  );
  return sql`CASE WHEN ${isBy("relevance")} THEN ${nameRank} END, CASE WHEN ${isBy("relevance")} THEN ${fit} END DESC, ${common}`;
}

/**
 * Finds listed packages. With a search text, every word must begin a word of name, tags, authors or
 * description, or the name must contain the text. An exact name comes first.
 *
 * If nothing matches, names that resemble the text are returned, so that a typing error still finds
 * its package. A list that is narrowed has `FOUND_MAX` packages at most.
 */
export async function searchPackages(deps: { readonly db: Database }, asked: PackageSearch): Promise<PackagePage> {
  const { db } = deps;
  const query = searchQueryOf(textIndexOf(db), asked);
  const { search, narrowed } = query;
  if (asked.readable?.length === 0) return NOTHING;
  if (search === undefined && narrowed.length === 0) return listPage(deps, asked);
  if (search !== undefined && search.words.length === 0) return NOTHING;
  return db.read(async (session) => {
    const page = await findPage(session, db.kind, query, asked);
    if (page.total > 0 || search === undefined) return page;
    const alike = await resembling(session, db.kind, search, query);
    const resembles = alike.length > 0 && { isResembling: true as const };
    return { ...cutPage(alike, asked), total: alike.length, isCapped: false, ...resembles };
  });
}

async function findPage(
  session: DbSession,
  kind: Database["kind"],
  query: SearchQuery,
  asked: PackageSearch,
): Promise<PackagePage> {
  const { sort } = asked;
  const index = textIndexOf({ kind });
  const words = query.search?.words ?? [];
  const { isUsual } = query;
  const isAlone = words.length + query.narrowed.length < 2;
  const terms =
    isAlone || words.length === 0
      ? words.map(wordPrefixTerm)
      : await termsOfWords(session, kind, index, { words, isUsual });
  const rows = await rowArrays(
    session,
    kind,
    sql`WITH ${candidates(index, query, terms)}
      SELECT s.package_id AS id, (SELECT count(*) FROM found) AS total
      FROM found f ${index.joinRow(sql`f.row_locator`)}
      ORDER BY ${order(sort, query.search, index)} LIMIT ${Math.min(idsNeeded(asked), FOUND_MAX)}`,
    isUsual,
  );
  const total = Number(rows[0]?.[1] ?? 0);
  const first = rows.map(([id]) => Number(id));
  return { ...cutPage(first, asked), total: Math.min(total, FOUND_MAX), isCapped: total > FOUND_MAX };
}
