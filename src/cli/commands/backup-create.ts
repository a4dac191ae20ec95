import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `backup create` adds a snapshot of the registry to a backup, while the registry runs. */
export const backupCreateCommand = defineCommand({
  name: "backup create",
  summary: "back up database and archives into a directory while the registry runs",
  options: {
    keep: { type: "string", value: "<number>", description: "keep so many snapshots, and remove older ones" },
    "with-keys": { type: "boolean", description: "save jwt.key and log.key too" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [{ name: "directory", description: "the backup; it is made if it does not exist" }],
  help: {
    description: `Adds a snapshot to the backup: the database as it is now, then the archives that the backup lacks. So
      the first run takes longest. Each snapshot can be restored into SQLite or Postgres, and into files or S3. No
      other program is needed.

      Killed at any step, or on a full disk, it leaves the earlier snapshots whole, and the next run continues. --keep
      removes old snapshots, and archives that no snapshot names any more, once the new snapshot is whole.

      Without --with-keys, no private key is in the backup: keep log.key, or LOG_SIGNING_KEY, among your secrets. The
      backup has password hashes, so only its owner can read it.

      An archive that is damaged or missing is named, and everything else is saved. If the database is damaged, every
      archive is saved, and no snapshot is made.

      A database that is behind its log (log_rollback), or that db copy has moved, is refused: its snapshot would take
      the place of good ones.

      ${OFFLINE_TEXT} That user must be able to write the directory.`,
    failure: "something is damaged, or the backup was not made",
    examples: ["cpm-registry backup create /var/backups/cpm-registry --keep 14"],
  },
  run: async ({ config, keep, "with-keys": withKeys, json }, [directory]) => {
    const { backupCreate } = await import("../backup-create.ts");
    return backupCreate({ config, keep, withKeys, json, directory });
  },
});
