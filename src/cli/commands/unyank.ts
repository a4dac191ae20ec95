import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS } from "../shared-options.ts";

/** `unyank`: take a yank back. */
export const unyankCommand = defineCommand({
  name: "unyank",
  summary: "take a yank back",
  isClient: true,
  options: { ...CLIENT_OPTIONS },
  arguments: [{ name: "version", description: "<name>@<version>" }],
  help: {
    description: `Lets a version be found again, and be the latest.`,
    failure: "nothing was changed",
    examples: ["cpm-registry unyank hello@0.1.0"],
  },
  run: async (options, [version]) => {
    const { unyank } = await import("../yank.ts");
    return unyank(options, version);
  },
});
