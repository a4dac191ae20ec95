import type { SQL } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { postgresTextIndex } from "./postgres.ts";
import { sqliteTextIndex } from "./sqlite.ts";
import type { SearchText } from "./words.ts";

/** The words one package is found by. */
export interface SearchDocument {
  readonly packageId: number;
  readonly name: string;
  readonly tags: readonly string[];
  readonly authors: readonly string[];
  readonly description: string;
}

/** The part of search that the two databases do differently: full text and parts of names. */
export interface TextIndex {
  /** Sets the words of a package, in the transaction of `session`. */
  put(session: DbSession, document: SearchDocument): Promise<void>;
  /** A subquery of `(id, score)`: packages in which every word begins a word, or whose name has the text inside. */
  matching(search: SearchText): SQL;
  /** Ids of packages whose names resemble a text, the most alike first, among those that may be found: for typing errors. */
  resembling(session: DbSession, text: string, readable: readonly string[] | undefined): Promise<number[]>;
}

/** The index of a database. */
export function textIndexOf(db: Pick<Database, "kind">): TextIndex {
  return db.kind === "sqlite" ? sqliteTextIndex : postgresTextIndex;
}
