import type { SQL } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { postgresTextIndex } from "./postgres.ts";
import { sqliteTextIndex } from "./sqlite.ts";
import type { Conditions } from "./terms.ts";

/** The part of search that the two databases do differently: which packages have a term, and parts of names. */
export interface TextIndex {
  /** Adds a package that is not there. */
  add(session: DbSession, packageId: number, name: string, terms: readonly string[]): Promise<void>;
  remove(session: DbSession, packageId: number): Promise<void>;
  /** A subquery of the `id`s of packages of a tier that meet the conditions. */
  having(tier: number, conditions: Conditions): SQL;
  /** Whether a text has another inside. */
  contains(text: SQL, part: string): SQL;
  /** A subquery of the `id`s of packages with a text inside their names, which has at least `PART_MIN_CHARS`. */
  containing(text: string): SQL;
  /** What joins the row `s` of package_search to each `id`, looking them up one by one. */
  rowOf(id: SQL): SQL;
  /** A subquery of `id` and `name` of packages whose names have some of the text's trigrams: for small registries. */
  resembling(text: string): SQL;
}

/** The index of a database. */
export function textIndexOf(db: Pick<Database, "kind">): TextIndex {
  return db.kind === "sqlite" ? sqliteTextIndex : postgresTextIndex;
}
