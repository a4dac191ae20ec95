import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `key retire`: retire a key from your account. */
export const keyRetireCommand = defineCommand({
  name: "key retire",
  summary: "retire a key from your account",
  isClient: true,
  options: { ...PASSWORD_OPTIONS, ...CLIENT_OPTIONS },
  arguments: [{ name: "key", description: "a name of key list, or the id of a key (32 hex digits)" }],
  help: {
    description: `Ends a key of your account for good. It starts no package any more, and cannot be registered again. Take it out of
      packages first, with key remove.`,
    failure: "the key was not retired",
    examples: ["cpm-registry key retire laptop"],
  },
  run: async (options, [key]) => {
    const { keyRetire } = await import("../key-changes.ts");
    return keyRetire(options, key);
  },
});
