import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION } from "../shared-options.ts";

/** `storage copy` copies every archive to another storage while the registry runs. */
export const storageCopyCommand = defineCommand({
  name: "storage copy",
  summary: "copy archives to another storage",
  options: {
    from: { type: "string", value: "<storage>", required: true, description: "the storage to read" },
    to: { type: "string", value: "<storage>", required: true, description: "the storage to write" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `Copies the archives that the destination lacks, and hashes each of them on the way. A damaged archive
      is reported and not copied. The command removes nothing and needs no database. You can stop it and run it again:
      it continues where it stopped.

      To move a registry: copy while it runs, stop changes with admin read-only on --wait, copy again (which takes
      seconds), restart the registry with the new STORAGE_TYPE, and allow changes with admin read-only off.`,
    sections: [
      {
        title: "Storages",
        rows: [
          ["FileSystem", "packages/ in DATA_DIR"],
          ["S3", "the bucket of the STORAGE_* settings, whatever STORAGE_TYPE says"],
          ["s3://bucket/prefix", "another bucket and prefix, with the other STORAGE_* settings"],
          ["file:/some/directory", "a directory that contains sha256/"],
          ["other.json", "a settings file of its own, to which the environment does not apply"],
        ],
      },
    ],
    failure: "an archive could not be copied, or a storage cannot be used",
    examples: ["cpm-registry storage copy --from FileSystem --to S3"],
  },
  run: async ({ config, from, to, json }) => {
    const { storageCopy } = await import("../storage-copy.ts");
    return storageCopy({ config, from, to, json });
  },
});
