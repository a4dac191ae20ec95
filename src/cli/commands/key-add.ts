import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, KEY_OPTION, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `key add`: let another key sign packages. */
export const keyAddCommand = defineCommand({
  name: "key add",
  summary: "let another key sign packages",
  isClient: true,
  options: {
    package: { type: "string", value: "<name>", multiple: true, description: "the package; repeat it for several" },
    key: KEY_OPTION,
    ...PASSWORD_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "key", description: "the new key: a name of key list, a file, or agent:<comment>" }],
  help: {
    description: `Registers the new key to your account, and lets it sign packages. A key that may sign already (--key) and the new one
      both sign the change, so both must be on this machine. If they are not: key request and key approve.`,
    failure: "a package was not changed",
    examples: ["cpm-registry key add laptop --package hello"],
  },
  run: async (options, [key]) => {
    const { keyAdd } = await import("../key-changes.ts");
    return keyAdd(options, key);
  },
});
