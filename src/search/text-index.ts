import { type SQL, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Conditions } from "./terms.ts";

/**
 * The part of search that the two databases do differently: which packages have a term, and parts
 * of names. Packages are named by the `place` of their rows in package_search: SQLite's is their
 * id, Postgres finds a row by it without an index.
 */
export interface TextIndex {
  /** Where a row of package_search is; of the table itself, or of what it is called. */
  readonly place: SQL;
  /** A column of package_search that only this database has, and its value for terms. */
  column(terms: readonly string[]): { readonly name: SQL; readonly value: SQL } | undefined;
  /** Adds what is not in package_search, of a package that is not there. */
  add(session: DbSession, packageId: number, name: string, terms: readonly string[]): Promise<void>;
  /** Removes what `add` added. */
  remove(session: DbSession, packageId: number): Promise<void>;
  /** A subquery of the `place`s of packages of a popularity bucket that meet the conditions. */
  having(bucket: number, conditions: Conditions): SQL;
  /** Whether a text has another inside. */
  contains(text: SQL, part: string): SQL;
  /**
   * A subquery of the `place`s of packages with a text inside their names, which has at least
   * `PART_MIN_CHARS`.
   */
  containing(text: string): SQL;
  /** A subquery of a column `text` with however many texts, in one parameter. */
  texts(texts: readonly string[]): SQL;
  /** What joins the row `s` of package_search to each place, looking them up one by one. */
  rowAt(place: SQL): SQL;
  /**
   * A subquery of the `place`s of packages whose names have some of the text's trigrams: for small
   * registries.
   */
  resembling(text: string): SQL;
}

/** A subquery of the `place`s of packages that have one of these names. */
export function named({ place, texts }: TextIndex, names: readonly string[]): SQL {
  return sql`SELECT s.${place} AS place FROM (${texts(names)}) AS asked
    JOIN packages AS p ON p.name = asked.text JOIN package_search AS s ON s.package_id = p.id`;
}
