import { print } from "../../runtime/print.ts";
import { BUILD } from "../../runtime/version.ts";
import { defineCommand } from "../command.ts";
import { JSON_OPTION } from "../shared-options.ts";

/** `version` prints what this program was built from. */
export const versionCommand = defineCommand({
  name: "version",
  summary: "print the version (also --version)",
  options: { json: JSON_OPTION },
  arguments: [],
  help: {
    description:
      "Prints the version of this program and the commit of its source, if it was built from one; with --json, the version of Bun too.",
    examples: ["cpm-registry version --json"],
  },
  run: async ({ json }) => {
    const { version, commit } = BUILD;
    const source = commit === "unknown" ? "" : ` (commit ${commit})`;
    print(json ? JSON.stringify(BUILD) : `cpm-registry ${version}${source}`);
    return 0;
  },
});
