import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin create` makes an account for an administrator, also where registration is closed. */
export const adminCreateCommand = defineCommand({
  name: "admin create",
  summary: "create an account, or an administrator with --admin",
  options: {
    admin: { type: "boolean", description: "make the account an administrator" },
    email: {
      type: "string",
      value: "<address>",
      description: "the account's e-mail address; <username>@localhost when left out",
    },
    "password-stdin": {
      type: "boolean",
      description: "read the password from the first line of standard input, and print none",
    },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [{ name: "username", description: "the name of the new account" }],
  help: {
    description: `Creates an account, even if REGISTRATION is closed. Its password is generated and printed once, on
      standard output.

      ${OFFLINE_TEXT}`,
    failure: "the account was not created",
    examples: ["cpm-registry admin create ada --admin --email ada@example.org"],
  },
  run: async ({ config, email, admin, "password-stdin": passwordStdin, json }, [username]) => {
    const { adminCreate } = await import("../admin-accounts.ts");
    return adminCreate({ config, username, email, admin, passwordStdin, json });
  },
});
