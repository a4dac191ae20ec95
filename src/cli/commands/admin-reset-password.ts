import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

export const adminResetPasswordCommand = defineCommand({
  name: "admin reset-password",
  summary: "give an account a new password; ends its sessions and API tokens",
  options: {
    "password-stdin": {
      type: "boolean",
      description: "read the password from the first line of standard input, and print none",
    },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Gives an account a new password, which is generated and printed once, on standard output. The
      account's sessions end, its API tokens are revoked, and its failed logins are forgotten.

      ${OFFLINE_TEXT}`,
    failure: "the password was not changed",
    examples: ["cpm-registry admin reset-password ada"],
  },
  run: async ({ config, "password-stdin": passwordStdin, json }, [username]) => {
    const { adminResetPassword } = await import("../admin-accounts.ts");
    return adminResetPassword({ config, username, passwordStdin, json });
  },
});
