import type { DatabaseConfig } from "../config/config.ts";
import type { ReportEvent } from "./condition.ts";
import type { Database } from "./database.ts";

/**
 * Opens the configured database without migrating it. Each driver is loaded only where it is used,
 * to save start-up time and memory.
 */
export async function openDatabase(config: DatabaseConfig, report?: ReportEvent): Promise<Database> {
  if (config.kind === "sqlite") {
    const { openSqlite } = await import("./sqlite/database.ts");
    return openSqlite(config.path, report);
  }
  const { openPostgres } = await import("./postgres/database.ts");
  return openPostgres(config.connection, report);
}
