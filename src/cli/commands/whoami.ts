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
    description: `Asks the registry whose API token CPM_API_TOKEN or the last login is. Open invitations to own packages
      are shown with the command that accepts them, if the token has the scope owners. In the document of --json,
      invitations is null if it has not.`,
    examples: ["cpm-registry whoami", "cpm-registry whoami --json"],
  },
  run: async (options) => {
    const { whoami } = await import("../account.ts");
    return whoami(options);
  },
});
