import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS } from "../shared-options.ts";

/** `yank`: take a version out of search and out of latest. */
export const yankCommand = defineCommand({
  name: "yank",
  summary: "take a version out of search and out of latest",
  isClient: true,
  options: {
    reason: { type: "string", value: "<word>", description: "broken, security, renamed or other" },
    message: { type: "string", value: "<text>", description: "what users are told" },
    replacement: {
      type: "string",
      value: "<version>",
      description: "what to use instead: a version, a package, or name@version",
    },
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "version", description: "<name>@<version>" }],
  help: {
    description: `Yanks a version: nobody finds it any more, and latest is another one. Whoever asks for exactly this version still gets it,
      with a warning. The log records it. cpm-registry unyank takes it back.`,
    failure: "nothing was changed",
    examples: ['cpm-registry yank hello@0.1.0 --reason broken --message "Fails to start" --replacement 0.1.1'],
  },
  run: async (options, [version]) => {
    const { yank } = await import("../yank.ts");
    return yank(options, version);
  },
});
