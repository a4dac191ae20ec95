import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, OWNER_ARGUMENTS } from "../shared-options.ts";

/** `owner remove`: remove an owner, leave, or withdraw an invitation. */
export const ownerRemoveCommand = defineCommand({
  name: "owner remove",
  summary: "remove an owner, leave, or withdraw an invitation",
  isClient: true,
  options: { ...CLIENT_OPTIONS },
  arguments: OWNER_ARGUMENTS,
  help: {
    description: `Removes an owner, you too, but never the last. Prints the keys of that account that may still sign the package, and the
      commands that take them out.`,
    failure: "nothing was changed",
    examples: ["cpm-registry owner remove hello grace"],
  },
  run: async (options, [name, username]) => {
    const { ownerRemove } = await import("../owner.ts");
    return ownerRemove(options, name, username);
  },
});
