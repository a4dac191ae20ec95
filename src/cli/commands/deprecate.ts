import { defineCommand } from "../command.ts";
import { PACKAGE_ARGUMENT, STATUS_OPTIONS } from "../shared-options.ts";

/** `deprecate`: tell the users of a package not to use it any more. */
export const deprecateCommand = defineCommand({
  name: "deprecate",
  summary: "tell the users of a package not to use it any more",
  isClient: true,
  options: STATUS_OPTIONS,
  arguments: [PACKAGE_ARGUMENT],
  help: {
    description: `Marks a package as deprecated, for everybody who finds it. It stays found and downloadable. cpm-registry activate takes it
      back.`,
    failure: "nothing was changed",
    examples: ['cpm-registry deprecate hello --replacement greeter --message "Use greeter"'],
  },
  run: async (options, [name]) => {
    const { setStatus } = await import("../yank.ts");
    return setStatus("deprecated", options, name);
  },
});
