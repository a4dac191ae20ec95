import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, HOURS_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

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
    link: { type: "boolean", description: "print a link by which its owner sets the password, and no password" },
    hours: HOURS_OPTION,
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
      standard output. With --link, nobody but its owner ever knows it: they set it on a page, or with reset-password.
      The link works once.

      ${OFFLINE_TEXT}`,
    failure: "the account was not created",
    examples: [
      "cpm-registry admin create ada --admin --email ada@example.org",
      "cpm-registry admin create bob --email bob@example.org --link",
    ],
  },
  run: async ({ config, email, admin, link, hours, "password-stdin": passwordStdin, json }, [username]) => {
    const { adminCreate } = await import("../admin-accounts.ts");
    return adminCreate({ config, username, email, admin, link, hours, passwordStdin, json });
  },
});
