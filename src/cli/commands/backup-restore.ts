import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION } from "../shared-options.ts";

/** `backup restore` fills an empty place from a backup. */
export const backupRestoreCommand = defineCommand({
  name: "backup restore",
  summary: "restore a backup into an empty database and storage",
  options: {
    snapshot: { type: "string", value: "<time>", description: "restore this snapshot; the newest when left out" },
    "reuse-storage": {
      type: "boolean",
      description: "the storage survived: add what it lacks, and overwrite nothing in it",
    },
    partial: { type: "boolean", description: "restore what is whole although the backup is damaged" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [{ name: "directory", description: "the backup" }],
  help: {
    description: `Restores into the database and the storage of the settings, of whatever kind they are and were. Both must
      be empty: no registry.db, or a Postgres that no registry has used, and a storage without archives. A backup by an
      older version is brought up to date. One by a newer version is refused, and so is one that was cut or altered.

      Archives come first and the database last. Killed at any step, the command can be run again, and continues. Key
      files of the backup are put into DATA_DIR where it has none. Where no key file is in the backup, put log.key or
      LOG_SIGNING_KEY back before you start the registry.

      Make DATA_DIR for the user of the registry first. Root becomes its owner, who must be able to read the backup.`,
    failure: "nothing was restored, or something is missing",
    examples: ["cpm-registry backup restore /var/backups/cpm-registry"],
  },
  run: async ({ config, snapshot, "reuse-storage": reuseStorage, partial, json }, [directory]) => {
    const { backupRestore } = await import("../backup-restore.ts");
    return backupRestore({ config, snapshot, reuseStorage, partial, json, directory });
  },
});
