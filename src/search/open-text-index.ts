import type { Database } from "../db/database.ts";
import { postgresTextIndex } from "./postgres.ts";
import { sqliteTextIndex } from "./sqlite.ts";
import type { TextIndex } from "./text-index.ts";

/** Returns the text index of a database. */
export function textIndexOf(db: Pick<Database, "kind">): TextIndex {
  return db.kind === "sqlite" ? sqliteTextIndex : postgresTextIndex;
}
