import { defineCommand } from "../command.ts";
import { JSON_OPTION } from "../shared-options.ts";

/** `backup verify` checks that a backup can be restored. */
export const backupVerifyCommand = defineCommand({
  name: "backup verify",
  summary: "check that everything in a backup is as it was written",
  options: {
    snapshot: { type: "string", value: "<time>", description: "check this snapshot only; all when left out" },
    json: JSON_OPTION,
  },
  arguments: [{ name: "directory", description: "the backup" }],
  help: {
    description: `Reads everything: the digest of each archive and of each database, the integrity of each database and
      of its log, and that the archive of each version is there. Says what is damaged, and changes nothing. It needs no
      settings of a registry, so it can run on the machine that keeps the backup, as a user who can read it.`,
    failure: "something is damaged or missing",
    examples: ["cpm-registry backup verify /var/backups/cpm-registry"],
  },
  run: async ({ snapshot, json }, [directory]) => {
    const { backupVerify } = await import("../backup-verify.ts");
    return backupVerify({ snapshot, json, directory });
  },
});
