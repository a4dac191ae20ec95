import { defineCommand } from "../command.ts";
import { LOCAL_OPTIONS } from "../shared-options.ts";

/** `key show`: print the public half of a key. */
export const keyShowCommand = defineCommand({
  name: "key show",
  summary: "print the public half of a key",
  isClient: true,
  options: LOCAL_OPTIONS,
  arguments: [{ name: "name", optional: true, description: "the key; default when left out" }],
  help: {
    description: `Prints the public key as 64 hex digits, for the field publicKey of colony.yaml and for other programs.`,
    failure: "there is no such key",
    examples: ["cpm-registry key show"],
  },
  run: async (options, [name]) => {
    const { keyShow } = await import("../key-files.ts");
    return keyShow(options, name);
  },
});
