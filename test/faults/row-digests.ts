import { createHash } from "node:crypto";
import type { DatabaseConfig } from "../../src/config/config.ts";
import { COPIED_TABLES } from "../../src/db/copy/tables.ts";
import { readDatabaseRows } from "../../src/maintenance/open-copy.ts";

/**
 * Returns the number and a digest of the rows of each table, whatever order the database returns
 * them in.
 */
export async function rowDigests(database: DatabaseConfig): Promise<Record<string, string>> {
  return readDatabaseRows(database, async (source) => {
    const found: Record<string, string> = {};
    for (const table of COPIED_TABLES) {
      const sum = new BigUint64Array(1);
      let rows = 0;
      for await (const batch of source.rows(table)) {
        for (const row of batch) {
          const text = JSON.stringify(row.map((value) => (value instanceof Uint8Array ? [...value] : value)));
          const digest = createHash("sha256").update(text).digest().readBigUInt64LE();
          sum[0] = (sum[0] ?? 0n) + digest;
          rows += 1;
        }
      }
      found[table.name] = `${rows} ${sum[0]}`;
    }
    return found;
  });
}
