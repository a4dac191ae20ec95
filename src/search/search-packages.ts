import { type SQL, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { rowArrays } from "../db/statement.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import { coversColumn } from "./covers-column.ts";
import { listPage } from "./list-page.ts";
import { textIndexOf } from "./open-text-index.ts";
import type { PackagePage, PackageSearch, Sort } from "./package-search.ts";
import { resembling } from "./resembling.ts";
import {
  beginsName,
  beginsWord,
  coveredNames,
  hasAuthor,
  hasTag,
  isWhole,
  POPULARITY_BUCKETS,
  type Term,
  type TermConditions,
} from "./terms.ts";
import type { TextIndex } from "./text-index.ts";
import { termsOfWords } from "./word-terms.ts";
import { isNamePart, PART_MIN_CHARS, parseSearch, type SearchText } from "./words.ts";

/** What is found at most: of more, the most popular. Who looks further narrows the search. */
export const FOUND_MAX = 1_000;
/**
 * Names that begin with the text and are looked for before anything else, the most popular first.
 */
const BEGINNING_MAX = 200;

/**
 * A statement has a part for each word: it is prepared for so many, and made anew for more.
 * Postgres keeps 200 KB of each that is prepared, in every connection.
 */
const USUAL_WORDS_MAX = 3;

/** Packages of a tag or an author that are looked at for a text inside their names. */
const INSIDE_LOOKED_AT_MAX = 2_000;

const NOTHING: PackagePage = { ids: [], total: 0, isCapped: false };

/** Tags compare without case, like the names of people. */
export function foldTag(tag: string): string {
  return foldIdentity(tag.trim());
}

/** A search as the index and the tables are asked. */
interface SearchQuery {
  readonly search: SearchText | undefined;
  /** Of tags, author and what may be read: what every match has. */
  readonly narrowed: TermConditions;
  /** The same on tables, where `s` is package_search. */
  readonly filters: SQL;
  /** As much of it as the index may be wrong about. */
  readonly recheck: SQL | undefined;
  /** Whether the texts of its statements are some of few. */
  readonly isUsual: boolean;
}

const allOf = (conditions: readonly SQL[]) => sql.join([sql`TRUE`, ...conditions], sql` AND `);

/**
 * Whether a package has all of these tags, of which each is once. They are counted: Postgres plans
 * an EXISTS for each as joins in every order, and takes a second for thirty.
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
  const isLong = (text: string) => !isWhole(text);
  const longer = [...tagsFilter(index, tags.filter(isLong)), ...byAuthor.filter(isLong).map(authorFilter)];
  const text = parseSearch(search);
  return {
    search: text,
    narrowed: [
      ...tags.map((tag) => [hasTag(tag)]),
      ...byAuthor.map((name) => [hasAuthor(name)]),
      ...(covered === undefined ? [] : [coveredNames(covered)]),
    ],
    filters: allOf([coversColumn(covered, sql`s.name`), ...tagsFilter(index, tags), ...byAuthor.map(authorFilter)]),
    recheck: longer.length === 0 ? undefined : allOf(longer),
    isUsual: (text?.words.length ?? 0) <= USUAL_WORDS_MAX && covered === undefined && longer.length === 0,
  };
}

/**
 * The most popular packages that meet the conditions, bucket after bucket: both databases stop
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
 * The candidates: packages that meet all conditions, those whose names begin with the text among
 * them; and when these are not enough, those with the text somewhere inside their names.
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
      mostPopular(index, [...narrowed, [beginsName(text)]], BEGINNING_MAX),
    );
  }
  const each = sources.map((source) => sql`SELECT row_locator FROM (${source}) AS source`);
  const matched = sql`matched AS MATERIALIZED (${rechecked(index, sql.join(each, sql` UNION `), recheck)})`;
  if (!isPart || text.length < PART_MIN_CHARS) return sql`${matched}, found AS (SELECT row_locator FROM matched)`;
  const inside = sql`SELECT i.row_locator FROM (${rechecked(index, matchingInside(index, text, narrowed), recheck)}) AS i
    WHERE (SELECT count(*) FROM matched) <= ${FOUND_MAX}`;
  return sql`${matched}, found AS MATERIALIZED (SELECT row_locator FROM matched UNION SELECT row_locator FROM (${inside}) AS inside)`;
}

/** Packages with a text inside their names; of those that are narrowed, among the most popular. */
function matchingInside(index: TextIndex, text: string, narrowed: TermConditions): SQL {
  if (narrowed.length === 0)
    return sql`SELECT row_locator FROM (${index.namesContaining(text)}) AS every LIMIT ${FOUND_MAX + 1}`;
  const popular = mostPopular(index, narrowed, INSIDE_LOOKED_AT_MAX);
  return sql`SELECT n.row_locator FROM (${popular}) AS n ${index.joinRow(sql`n.row_locator`)} WHERE ${index.contains(sql`s.name`, text)}`;
}

/**
 * Candidates without those that the index may be wrong about, in the rare case that there can be
 * any.
 */
function rechecked(index: TextIndex, locators: SQL, recheck: SQL | undefined): SQL {
  if (recheck === undefined) return locators;
  return sql`SELECT c.row_locator FROM (${locators}) AS c ${index.joinRow(sql`c.row_locator`)} WHERE ${recheck}`;
}

/** How well a word fits: names count more than tags, these more than authors and descriptions. */
function points(word: string, { contains }: TextIndex): SQL {
  return sql`CASE WHEN ${contains(sql`s.name_words`, ` ${word} `)} THEN 12 WHEN ${contains(sql`s.name_words`, ` ${word}`)} THEN 10
    WHEN ${contains(sql`s.tag_words`, ` ${word}`)} THEN 6 WHEN ${contains(sql`s.author_words`, ` ${word}`)} THEN 3 ELSE 1 END`;
}

/**
 * One text for all orders but the last change: of those that are not asked for, all rows have NULL.
 * Were that one in it too, Postgres would find it worth planning anew each time to know that no
 * other table is needed.
 */
function order(sort: Sort, search: SearchText | undefined, index: TextIndex): SQL {
  if (sort === "updated") return sql`(SELECT updated_at FROM packages WHERE id = s.package_id) DESC, s.name`;
  const isBy = (order: Sort) => sql`CAST(${sort === order ? 1 : 0} AS integer) = 1`;
  const common = sql`CASE WHEN ${isBy("name")} THEN 0 ELSE s.downloads END DESC, s.name`;
  if (search === undefined) return common;
  const { text, words } = search;
  const begins = sql`substr(s.name, 1, ${text.length}) = ${text}`;
  const nameRank = sql`CASE WHEN s.name = ${text} THEN 0 WHEN ${begins} THEN 1 ELSE 2 END`;
  const fit = sql.join(
    words.map((word) => points(word, index)),
    sql` + `,
  );
  return sql`CASE WHEN ${isBy("relevance")} THEN ${nameRank} END, CASE WHEN ${isBy("relevance")} THEN ${fit} END DESC, ${common}`;
}

/**
 * Finds listed packages. With a search text every word must begin a word of name, tags, authors or
 * description, or the name must contain the text; an exact name comes first. When nothing matches,
 * names that resemble the text are the answer, so a typing error still finds its package. A list
 * that is narrowed has `FOUND_MAX` packages at most.
 */
export async function searchPackages(deps: Pick<Deps, "db">, asked: PackageSearch): Promise<PackagePage> {
  const { db } = deps;
  const question = searchQueryOf(textIndexOf(db), asked);
  const { search, narrowed } = question;
  if (asked.readable?.length === 0) return NOTHING;
  if (search === undefined && narrowed.length === 0) return listPage(deps, asked);
  if (search !== undefined && search.words.length === 0) return NOTHING;
  return db.read(async (session) => {
    const page = await findPage(session, db.kind, question, asked);
    if (page.total > 0 || search === undefined) return page;
    const alike = await resembling(session, db.kind, search, question);
    const offset = (asked.page - 1) * asked.pageSize;
    return { ids: alike.slice(offset, offset + asked.pageSize), total: alike.length, isCapped: false };
  });
}

async function findPage(
  session: DbSession,
  kind: Database["kind"],
  question: SearchQuery,
  asked: PackageSearch,
): Promise<PackagePage> {
  const { sort, page, pageSize } = asked;
  const offset = (page - 1) * pageSize;
  const limit = Math.max(0, Math.min(pageSize, FOUND_MAX - offset));
  const index = textIndexOf({ kind });
  const words = question.search?.words ?? [];
  const { isUsual } = question;
  const isAlone = words.length + question.narrowed.length < 2;
  const terms =
    isAlone || words.length === 0
      ? words.map(beginsWord)
      : await termsOfWords(session, kind, index, { words, isUsual });
  const rows = await rowArrays(
    session,
    kind,
    sql`WITH ${candidates(index, question, terms)}
      SELECT s.package_id AS id, (SELECT count(*) FROM found) AS total
      FROM found f ${index.joinRow(sql`f.row_locator`)}
      ORDER BY ${order(sort, question.search, index)} LIMIT ${limit} OFFSET ${offset}`,
    isUsual,
  );
  // Behind the last page the total is that of the first.
  if (rows.length === 0 && page > 1) {
    return { ...(await findPage(session, kind, question, { ...asked, page: 1 })), ids: [] };
  }
  const total = Number(rows[0]?.[1] ?? 0);
  const ids = rows.map(([id]) => Number(id));
  return { ids, total: Math.min(total, FOUND_MAX), isCapped: total > FOUND_MAX };
}
