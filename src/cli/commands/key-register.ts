import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, KEY_OPTION, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `key register`: register a key to your account. */
export const keyRegisterCommand = defineCommand({
  name: "key register",
  summary: "register a key to your account",
  isClient: true,
  options: {
    key: KEY_OPTION,
    label: {
      type: "string",
      value: "<text>",
      description: "what the key is called at the registry; the name of this machine when left out",
    },
    ...PASSWORD_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  arguments: [],
  help: {
    description: `Says to the registry that a key is yours, with a signature of the key. The first publish of an account does this by
      itself; a second key needs it. Asks for your password, because an API token must not bring keys.`,
    failure: "the key was not registered",
    examples: ["cpm-registry key register --key laptop"],
  },
  run: async (options) => {
    const { keyRegister } = await import("../key-changes.ts");
    return keyRegister(options);
  },
});
