import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION } from "../shared-options.ts";

/** `migrate` brings the schema of the database up to date without starting a server. */
export const migrateCommand = defineCommand({
  name: "migrate",
  summary: "bring the database up to date; serve does this too",
  options: {
    check: { type: "boolean", description: "change nothing; exit with 1 if migrations are pending" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: "Applies the pending migrations to the database. serve does this by itself when it starts.",
    failure: "a migration failed, or migrations are pending (--check)",
    examples: ["cpm-registry migrate --check"],
  },
  run: async ({ config, check, json }) => {
    const { runMigrate } = await import("../migrate.ts");
    return runMigrate(config, check, json);
  },
});
