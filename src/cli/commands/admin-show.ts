import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin show` shows one account. */
export const adminShowCommand = defineCommand({
  name: "admin show",
  summary: "show an account, and what it can act with",
  options: { json: JSON_OPTION, config: CONFIG_OPTION },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Shows an account with its role and state, and counts its packages, sessions, API tokens and signing keys.

      ${OFFLINE_TEXT}`,
    failure: "there is no such account",
    examples: ["cpm-registry admin show ada"],
  },
  run: async ({ config, json }, [username]) => {
    const { adminShow } = await import("../admin-people.ts");
    return adminShow({ config, username, json });
  },
});
