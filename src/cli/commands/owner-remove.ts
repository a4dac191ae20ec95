import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, KEY_OPTION, OWNER_ARGUMENTS, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `owner remove`: remove an owner, leave, or withdraw an invitation. */
export const ownerRemoveCommand = defineCommand({
  name: "owner remove",
  summary: "remove an owner, leave, or withdraw an invitation",
  isClient: true,
  options: { key: KEY_OPTION, ...PASSWORD_OPTIONS, ...CLIENT_OPTIONS },
  arguments: OWNER_ARGUMENTS,
  help: {
    description: `Removes an owner, you too, but never the last. Then offers to take out the keys of that account that may still sign
      the package, which your key signs and your password allows; what they signed stays valid. Without a terminal, keys
      go only with --password-stdin. For keys that stay, it prints the commands that take them out.`,
    failure: "nothing was changed, or the owner is removed and a key is not",
    examples: [
      "cpm-registry owner remove hello grace",
      "cpm-registry owner remove hello grace --yes --password-stdin < password",
    ],
  },
  run: async (options, [name, username]) => {
    const { ownerRemove } = await import("../owner-remove.ts");
    return ownerRemove(options, name, username);
  },
});
