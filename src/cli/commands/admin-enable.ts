import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin enable` unlocks an account that was disabled. */
export const adminEnableCommand = defineCommand({
  name: "admin enable",
  summary: "let a disabled account in again",
  options: { json: JSON_OPTION, config: CONFIG_OPTION },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Lets a disabled account in again, with its password. Its sessions and API tokens ended when it was
      disabled.

      ${OFFLINE_TEXT}`,
    failure: "the account was not changed",
    examples: ["cpm-registry admin enable ada"],
  },
  run: async ({ config, json }, [username]) => {
    const { adminEnable } = await import("../admin-accounts.ts");
    return adminEnable({ config, username, json });
  },
});
