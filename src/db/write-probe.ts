import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/**
 * Writes something that changes nothing, as durably as every write. SQLite writes no page whose
 * content stays equal, so there a commit is recorded that changed no package.
 */
export async function probeWrite(db: Database): Promise<void> {
  const statement =
    db.kind === "sqlite"
      ? sql`INSERT INTO package_changes (names) VALUES ('[]')`
      : sql`UPDATE schema_migrations SET applied_at = applied_at`;
  await db.write(({ rows }) => rows(statement));
}
