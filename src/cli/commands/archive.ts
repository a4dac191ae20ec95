import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS } from "../shared-options.ts";

/** `archive`: end a package: it takes no new versions. */
export const archiveCommand = defineCommand({
  name: "archive",
  summary: "end a package: it takes no new versions",
  isClient: true,
  options: {
    message: { type: "string", value: "<text>", description: "what users are told" },
    replacement: { type: "string", value: "<package>", description: "what to use instead" },
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "name", description: "the name of the package" }],
  help: {
    description: `Archives a package: it takes no new versions. It stays found and downloadable. cpm-registry activate takes it back.`,
    failure: "nothing was changed",
    examples: ["cpm-registry archive hello"],
  },
  run: async (options, [name]) => {
    const { setStatus } = await import("../yank.ts");
    return setStatus("archived", options, name);
  },
});
