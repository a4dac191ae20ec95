import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, OWNER_ARGUMENTS } from "../shared-options.ts";

/** `owner invite`: invite an account to own a package. */
export const ownerInviteCommand = defineCommand({
  name: "owner invite",
  summary: "invite an account to own a package",
  isClient: true,
  options: { ...CLIENT_OPTIONS },
  arguments: OWNER_ARGUMENTS,
  help: {
    description: `Invites an account for 30 days. It becomes an owner when it accepts with cpm-registry owner accept. Its key needs to be
      let in too: cpm-registry key request on its machine, then cpm-registry key approve on yours.`,
    failure: "nobody was invited",
    examples: ["cpm-registry owner invite hello grace"],
  },
  run: async (options, [name, username]) => {
    const { ownerInvite } = await import("../owner.ts");
    return ownerInvite(options, name, username);
  },
});
