import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `key rotate`: replace a key everywhere. */
export const keyRotateCommand = defineCommand({
  name: "key rotate",
  summary: "replace a key everywhere",
  isClient: true,
  options: {
    package: {
      type: "string",
      value: "<name>",
      multiple: true,
      description: "only these packages; all that you own and the key signs when left out",
    },
    "no-passphrase": { type: "boolean", description: "keep the key unencrypted on this disk" },
    ...PASSWORD_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "name", optional: true, description: "the key; default when left out" }],
  help: {
    description: `Makes a new key, registers it, adds it to every package that the old key signs, takes the old one out and retires it.
      What the old key signed stays valid. The new key gets the name of the old one. If the command is interrupted, run
      it again: it goes on with the same new key.`,
    failure: "the key was not replaced everywhere",
    examples: ["cpm-registry key rotate"],
  },
  run: async (options, [name]) => {
    const { keyRotate } = await import("../key-rotate.ts");
    return keyRotate(options, name);
  },
});
