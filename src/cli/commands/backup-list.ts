import { defineCommand } from "../command.ts";
import { JSON_OPTION } from "../shared-options.ts";

/** `backup list` lists what a backup can restore. */
export const backupListCommand = defineCommand({
  name: "backup list",
  summary: "list the snapshots of a backup",
  options: { json: JSON_OPTION },
  arguments: [{ name: "directory", description: "the backup" }],
  help: {
    description: `Lists the snapshots from the oldest to the newest, by the names that backup restore --snapshot takes.
      It believes what they say of themselves: backup verify reads everything.`,
    failure: "the directory is no backup, or a snapshot cannot be read",
    examples: ["cpm-registry backup list /var/backups/cpm-registry"],
  },
  run: async ({ json }, [directory]) => {
    const { backupList } = await import("../backup-list.ts");
    return backupList(directory, json);
  },
});
