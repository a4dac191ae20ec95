import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `gc` removes what failed publishes left: unreferenced blobs and temporary files. */
export const gcCommand = defineCommand({
  name: "gc",
  summary: "remove archives that no version refers to, and old temporary files",
  options: {
    "dry-run": { type: "boolean", description: "change nothing; print what would be removed" },
    grace: {
      type: "string",
      value: "<time>",
      default: "24h",
      description: "leave archives and files that are younger than this, such as 90s, 30m, 24h or 7d",
    },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `Removes archives that no version refers to, which failed publishes leave behind, and temporary files
      that no process writes to any more. Both must be older than --grace. It also finishes the removals of a gc that
      was killed.

      It is safe while the registry runs and while another gc runs. If a publish is about to refer to an archive, the
      archive stays, or that publish stores it again. Temporary files of processes that may be alive are kept for at
      least an hour, whatever --grace says.

      ${OFFLINE_TEXT}`,
    failure: "something could not be removed, or a signal stopped the command",
    examples: ["cpm-registry gc --dry-run --grace 7d"],
  },
  run: async ({ config, "dry-run": dryRun, grace, json }) => {
    const { gc } = await import("../gc.ts");
    return gc({ config, dryRun, grace, json });
  },
});
