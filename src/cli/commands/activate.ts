import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS } from "../shared-options.ts";

/** `activate`: take back that a package is deprecated or archived. */
export const activateCommand = defineCommand({
  name: "activate",
  summary: "take back that a package is deprecated or archived",
  isClient: true,
  options: { ...CLIENT_OPTIONS },
  arguments: [{ name: "name", description: "the name of the package" }],
  help: {
    description: `Makes a package an ordinary one again.`,
    failure: "nothing was changed",
    examples: ["cpm-registry activate hello"],
  },
  run: async (options, [name]) => {
    const { setStatus } = await import("../yank.ts");
    return setStatus("active", options, name);
  },
});
