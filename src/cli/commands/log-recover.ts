import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION } from "../shared-options.ts";

/** `log recover` brings back what an old database lacks and the storage still has. */
export const logRecoverCommand = defineCommand({
  name: "log recover",
  summary: "bring back what an old database lacks, from the log and the archives in the storage",
  options: {
    "dry-run": { type: "boolean", description: "compare and check, and change nothing" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `For a database that was restored from a backup, while the storage is that of today. Beside the
      archives lie the log and what it needs to be replayed. The command checks that the log there continues exactly the
      one of the database and is signed by its key, and that every archive is there. Then it continues the log in the
      database and replays each change: versions with their packages and publishers, yanks, key changes, resets,
      quarantines and changes of the log's key. The log ends with the tree that was published, so nobody sees a fork.

      What the log does not record cannot come back: accounts, passwords, API tokens, owners, invitations and download
      counts since the backup. A publisher whom the database lacks becomes a placeholder account with the same name and
      id, which nobody can log in to: hand it over with admin reset-password.

      Stop the registry on every machine first. The command is safe to repeat, and continues after it was killed. Until
      it is finished, the registry is read-only.`,
    failure: "nothing was recovered, or not all of it: the message says what to do",
    examples: ["cpm-registry log recover --dry-run", "cpm-registry log recover"],
  },
  run: async ({ config, "dry-run": dryRun, json }) => {
    const { logRecover } = await import("../log-recover.ts");
    return logRecover({ config, dryRun, json });
  },
});
