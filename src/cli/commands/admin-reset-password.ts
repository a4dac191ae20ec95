import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, EVICTION_TEXT, JSON_OPTION, OFFLINE_TEXT, RETIRE_KEYS_OPTION } from "../shared-options.ts";

/** `admin reset-password` sets a password and evicts whoever uses the account. */
export const adminResetPasswordCommand = defineCommand({
  name: "admin reset-password",
  summary: "give an account a new password, and take back what a thief did",
  options: {
    "password-stdin": {
      type: "boolean",
      description: "read the password from the first line of standard input, and print none",
    },
    "retire-keys": RETIRE_KEYS_OPTION,
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Gives an account a new password, which is generated and printed once, on standard output. Its
      failed logins are forgotten.

      ${EVICTION_TEXT}

      ${OFFLINE_TEXT}`,
    failure: "the password was not changed",
    examples: ["cpm-registry admin reset-password ada"],
  },
  run: async ({ config, "password-stdin": passwordStdin, "retire-keys": retireKeys, json }, [username]) => {
    const { adminResetPassword } = await import("../admin-accounts.ts");
    return adminResetPassword({ config, username, passwordStdin, retireKeys, json });
  },
});
