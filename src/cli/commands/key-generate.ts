import { defineCommand } from "../command.ts";
import { LOCAL_OPTIONS } from "../shared-options.ts";

/** `key generate`: make a signing key. */
export const keyGenerateCommand = defineCommand({
  name: "key generate",
  summary: "make a signing key",
  isClient: true,
  options: {
    "no-passphrase": { type: "boolean", description: "keep the key unencrypted on this disk" },
    ...LOCAL_OPTIONS,
  },
  arguments: [{ name: "name", optional: true, description: "the key; default when left out" }],
  help: {
    description: `Makes an Ed25519 key in ~/.cpm/keys, as PKCS#8, which openssl reads too. Asks for a passphrase; without a terminal,
      CPM_SIGNING_KEY_PASSPHRASE gives it. The key never leaves this machine: publishing sends signatures and its public
      half.`,
    failure: "the key was not made",
    examples: ["cpm-registry key generate", "cpm-registry key generate ci --no-passphrase"],
  },
  run: async (options, [name]) => {
    const { keyGenerate } = await import("../key-files.ts");
    return keyGenerate(options, name);
  },
});
