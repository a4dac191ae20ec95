import { defineCommand } from "../command.ts";
import { LOCAL_OPTIONS } from "../shared-options.ts";

/** `key backup`: write an encrypted copy of a key. */
export const keyBackupCommand = defineCommand({
  name: "key backup",
  summary: "write an encrypted copy of a key",
  isClient: true,
  options: {
    out: {
      type: "string",
      value: "<file>",
      required: true,
      description: "where to write the copy; it is not overwritten",
    },
    ...LOCAL_OPTIONS,
  },
  arguments: [{ name: "name", optional: true, description: "the key; default when left out" }],
  help: {
    description: `Writes a copy that only its passphrase opens. Keep it on another medium: if you lose every
      key of a package, a new one takes 72 hours. The copy is used with --key <file>.`,
    failure: "the copy was not written",
    examples: ["cpm-registry key backup --out /media/usb/publisher.pem"],
  },
  run: async (options, [name]) => {
    const { keyBackup } = await import("../key-files.ts");
    return keyBackup(options, name);
  },
});
