import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PACKAGE_ARGUMENT } from "../shared-options.ts";

/** `owner accept`: accept an invitation to own a package. */
export const ownerAcceptCommand = defineCommand({
  name: "owner accept",
  summary: "accept an invitation to own a package",
  isClient: true,
  options: { ...CLIENT_OPTIONS },
  arguments: [PACKAGE_ARGUMENT],
  help: {
    description: `Accepts an invitation that cpm-registry owner invite made for your account.`,
    failure: "you own nothing more than before",
    examples: ["cpm-registry owner accept hello"],
  },
  run: async (options, [name]) => {
    const { ownerAccept } = await import("../owner.ts");
    return ownerAccept(options, name);
  },
});
