import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PACKAGE_ARGUMENT } from "../shared-options.ts";

/** `activate`: take back that a package is deprecated or archived. */
export const activateCommand = defineCommand({
  name: "activate",
  summary: "take back that a package is deprecated or archived",
  isClient: true,
  options: { ...CLIENT_OPTIONS },
  arguments: [PACKAGE_ARGUMENT],
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
