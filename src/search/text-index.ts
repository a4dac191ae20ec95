import { type SQL, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { TermConditions } from "./terms.ts";

/**
 * The part of search that differs between the two databases: which packages have a term, and parts
 * of names. A package is identified by the locator of its row in package_search. On SQLite that is
 * its id; Postgres finds a row by its locator (`ctid`) without an index.
 */
export interface TextIndex {
  /** The column of package_search, or of an alias of it, that is the row locator. */
  readonly rowLocator: SQL;
  /** A column of package_search that only this database has, and its value for terms. */
  column(terms: readonly string[]): { readonly name: SQL; readonly value: SQL } | undefined;
  /** Adds what is not stored in package_search, for a package that is not in the index. */
  add(session: DbSession, packageId: number, name: string, terms: readonly string[]): Promise<void>;
  /** Removes what `add` added. */
  remove(session: DbSession, packageId: number): Promise<void>;
  /** A subquery of the row locators of packages in a popularity bucket that meet the conditions. */
  matching(bucket: number, conditions: TermConditions): SQL;
  /** A condition that is true if a text contains another. */
  contains(text: SQL, part: string): SQL;
  /**
   * A subquery of the row locators of packages whose names contain a text of at least
   * `PART_MIN_CHARS` characters.
   */
  namesContaining(text: string): SQL;
  /** A subquery of a column `text` with any number of texts, in one parameter. */
  texts(texts: readonly string[]): SQL;
  /** A join of the row `s` of package_search to each row locator, looked up one by one. */
  joinRow(rowLocator: SQL): SQL;
  /**
   * A subquery of the row locators of packages whose names share trigrams with the text. For small
   * registries only.
   */
  resembling(text: string): SQL;
}

/** A subquery of the row locators of packages that have one of these names. */
export function withNames({ rowLocator, texts }: TextIndex, names: readonly string[]): SQL {
  return sql`SELECT s.${rowLocator} AS row_locator FROM (${texts(names)}) AS asked
    JOIN packages AS p ON p.name = asked.text JOIN package_search AS s ON s.package_id = p.id`;
}
