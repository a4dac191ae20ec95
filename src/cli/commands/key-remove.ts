import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, KEY_OPTION, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `key remove`: take a key out of packages. */
export const keyRemoveCommand = defineCommand({
  name: "key remove",
  summary: "take a key out of packages",
  isClient: true,
  options: {
    package: { type: "string", value: "<name>", multiple: true, description: "the package; repeat it for several" },
    compromised: { type: "boolean", description: "the key was stolen: what it signed is not trusted" },
    since: {
      type: "string",
      value: "<version>",
      description: "with --compromised: the first version that is not trusted; all when left out",
    },
    key: KEY_OPTION,
    ...PASSWORD_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "key", description: "a name of key list, or the id of a key (32 hex digits)" }],
  help: {
    description: `Takes a key out, signed by another one that may sign (--key). Without --compromised, what the key signed stays valid.
      With it, the versions from --since on are yanked for good.`,
    failure: "a package was not changed",
    examples: [
      "cpm-registry key remove laptop --package hello",
      "cpm-registry key remove laptop --package hello --compromised --since 0.2.0",
    ],
  },
  run: async (options, [key]) => {
    const { keyRemove } = await import("../key-changes.ts");
    return keyRemove(options, key);
  },
});
