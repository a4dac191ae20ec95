import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PACKAGE_ARGUMENT } from "../shared-options.ts";

/** `owner list`: list the owners of a package and who is invited. */
export const ownerListCommand = defineCommand({
  name: "owner list",
  summary: "list the owners of a package and who is invited",
  isClient: true,
  options: { ...CLIENT_OPTIONS },
  arguments: [PACKAGE_ARGUMENT],
  help: {
    description: `Lists owners, and open invitations.`,
    failure: "there is no such package",
    examples: ["cpm-registry owner list hello"],
  },
  run: async (options, [name]) => {
    const { ownerList } = await import("../owner.ts");
    return ownerList(options, name);
  },
});
