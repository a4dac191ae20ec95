import { defineCommand } from "../command.ts";
import { PACKAGE_ARGUMENT, STATUS_OPTIONS } from "../shared-options.ts";

/** `archive`: end a package: it takes no new versions. */
export const archiveCommand = defineCommand({
  name: "archive",
  summary: "end a package: it takes no new versions",
  isClient: true,
  options: STATUS_OPTIONS,
  arguments: [PACKAGE_ARGUMENT],
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
