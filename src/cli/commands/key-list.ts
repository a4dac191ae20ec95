import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS } from "../shared-options.ts";

/** `key list`: list your signing keys, or those of a package. */
export const keyListCommand = defineCommand({
  name: "key list",
  summary: "list your signing keys, or those of a package",
  isClient: true,
  options: {
    package: { type: "string", value: "<name>", description: "list the keys that may sign this package" },
    ...CLIENT_OPTIONS,
  },
  arguments: [],
  help: {
    description: `Lists the keys in ~/.cpm/keys. With --package, asks the registry which keys may sign, and may no longer.`,
    failure: "the registry does not have the package",
    examples: ["cpm-registry key list", "cpm-registry key list --package hello"],
  },
  run: async (options) => {
    const { keyList } = await import("../key-files.ts");
    return keyList(options);
  },
});
