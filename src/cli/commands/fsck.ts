import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `fsck` verifies every archive, digest and signature, and repairs what it can. */
export const fsckCommand = defineCommand({
  name: "fsck",
  summary: "compare database and archives, and verify every digest and signature",
  options: {
    repair: { type: "boolean", description: "repair what can be repaired without the publisher" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `Compares the database with the log beside the archives: one that is behind is an old one. Reads the
      archive of every version, compares its size and digest with the database and verifies its
      signature. Also looks for archives that no version refers to, and counts what the metrics say that the
      registry holds. Without --repair it changes nothing. It is safe
      while the registry runs.

      --repair moves a damaged or unreadable archive to corrupt/ in its storage, so that it is never served again. Publish the same
      archive again to restore it. It also reads the contents of an archive again if the database lacks them, and
      corrects the totals of the metrics. It changes nothing else: a lost archive can only come from its publisher or from a backup.

      ${OFFLINE_TEXT}`,
    sections: [
      {
        title: "Problems",
        rows: [
          ["blob_missing", "the archive is not stored"],
          ["blob_corrupt", "the stored bytes are not the published ones"],
          ["blob_unreadable", "the disk fails at the file of the archive"],
          ["size_mismatch", "the archive is complete, but the database has another size"],
          ["signature_invalid", "the stored signature does not verify"],
          ["contents_missing", "the database lacks the contents of the archive; --repair restores them"],
          ["not_removed", "the version was taken down, but its archive is still stored"],
          ["unreadable", "the storage does not return the archive"],
        ],
      },
    ],
    failure: "there are problems that were not repaired",
    examples: ["cpm-registry fsck --json > fsck.json"],
  },
  run: async ({ config, repair, json }) => {
    const { fsck } = await import("../fsck.ts");
    return fsck({ config, repair, json });
  },
});
