import { print } from "../../runtime/print.ts";
import { VERSION } from "../../runtime/version.ts";
import { defineCommand } from "../command.ts";
import { JSON_OPTION } from "../shared-options.ts";

/** `version` prints the version of this program. */
export const versionCommand = defineCommand({
  name: "version",
  summary: "print the version (also --version)",
  options: { json: JSON_OPTION },
  arguments: [],
  help: {
    description: "Prints the version of this program; with --json, the version of Bun too.",
    examples: ["cpm-registry version --json"],
  },
  run: async ({ json }) => {
    const text = json ? JSON.stringify({ version: VERSION, bun: Bun.version }) : `cpm-registry ${VERSION}`;
    print(text);
    return 0;
  },
});
