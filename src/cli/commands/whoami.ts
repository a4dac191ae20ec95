import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS } from "../shared-options.ts";

/** `whoami` prints the account of the token that commands use. */
export const whoamiCommand = defineCommand({
  name: "whoami",
  summary: "print who you are at the registry",
  isClient: true,
  options: CLIENT_OPTIONS,
  arguments: [],
  help: {
    description: "Asks the registry whose API token CPM_API_TOKEN or the last login is.",
    examples: ["cpm-registry whoami", "cpm-registry whoami --json"],
  },
  run: async (options) => {
    const { whoami } = await import("../account.ts");
    return whoami(options);
  },
});
