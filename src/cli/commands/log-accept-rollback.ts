import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION } from "../shared-options.ts";

/** `log accept-rollback` continues the log of an old database, and gives up what it lacks. */
export const logAcceptRollbackCommand = defineCommand({
  name: "log accept-rollback",
  summary: "continue with a database that has fewer leaves than the published log",
  options: {
    yes: { type: "boolean", description: "accept the loss; without it, the command only prints both sizes" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `For a registry that refuses writes with log_rollback, that cannot get its newest database back, and that
      log recover cannot help: run log recover --dry-run first. Accepting cannot be undone. Afterwards nothing can be
      recovered, and gc deletes the archives of the versions that the database lacks. Prints how many leaves were published and how many the database has. With --yes, the database's checkpoint becomes the
      published one, and the other is kept as log/checkpoint-before-rollback. Everyone who saw the longer log will
      notice.

      Stop the registry first, and start it afterwards: --yes is refused while a registry runs. On SQLite, the command
      notices registries on this machine. On Postgres, it notices every server whose role the role of the settings may
      see in pg_stat_activity. The command is also refused if there is no rollback.`,
    failure: "the rollback was not accepted",
    examples: ["cpm-registry log accept-rollback"],
  },
  run: async ({ config, yes, json }) => {
    const { logAcceptRollback } = await import("../log.ts");
    return logAcceptRollback(config, yes, json);
  },
});
