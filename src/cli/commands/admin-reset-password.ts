import { defineCommand } from "../command.ts";
import {
  CONFIG_OPTION,
  EVICTION_TEXT,
  HOURS_OPTION,
  JSON_OPTION,
  OFFLINE_TEXT,
  RETIRE_KEYS_OPTION,
} from "../shared-options.ts";

/** `admin reset-password` ends a password and evicts whoever uses the account. */
export const adminResetPasswordCommand = defineCommand({
  name: "admin reset-password",
  summary: "print a link to set a new password, and take back what a thief did",
  options: {
    hours: HOURS_OPTION,
    "password-stdin": {
      type: "boolean",
      description: "read the new password from the first line of standard input, and print no link",
    },
    "retire-keys": RETIRE_KEYS_OPTION,
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Ends the password of an account, and prints a link by which its owner sets another one: on a page, or
      with reset-password. The link works once. It ends with its time, with a newer link or password, and when the
      account is disabled. The registry keeps only a digest of it, so it is shown only now. Send it on a channel that
      you trust. Failed logins of the account are forgotten.

      ${EVICTION_TEXT}

      ${OFFLINE_TEXT}`,
    failure: "the password was not changed",
    examples: [
      "cpm-registry admin reset-password ada",
      "cpm-registry admin reset-password ada --password-stdin < password",
    ],
  },
  run: async ({ config, hours, "password-stdin": passwordStdin, "retire-keys": retireKeys, json }, [username]) => {
    const { adminResetPassword } = await import("../admin-accounts.ts");
    return adminResetPassword({ config, username, hours, passwordStdin, retireKeys, json });
  },
});
