import { migrate, migrationState } from "../db/migrate.ts";
import { print, printJson } from "../runtime/print.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { requireDatabase } from "../start/open-offline.ts";

/**
 * Applies pending migrations. With `check`, only lists them and returns 1 if there are any. Throws
 * `MigrationError` if there is no database to check.
 */
export async function runMigrate(configFile: string | undefined, check: boolean, json: boolean): Promise<number> {
  const { database } = readOfflineConfig(configFile);
  if (check) requireDatabase(database);
  const { applied, pending } = check ? await migrationState(database) : await migrate(database);
  if (json) {
    printJson({ database: database.kind, applied, pending, changed: check ? [] : pending });
  } else if (pending.length === 0) {
    print(`The ${database.kind} database is up to date (${applied.length} migrations).`);
  } else {
    print(`${check ? "Pending" : "Applied"} on ${database.kind}:\n${pending.map((name) => `  ${name}`).join("\n")}`);
  }
  return check && pending.length > 0 ? 1 : 0;
}
