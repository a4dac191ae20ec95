import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin revoke` takes an account's role of administrator away. */
export const adminRevokeCommand = defineCommand({
  name: "admin revoke",
  summary: "make an administrator an ordinary account",
  options: { json: JSON_OPTION, config: CONFIG_OPTION },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Makes an administrator an ordinary account, from its next request on. Warns if no administrator is left.

      ${OFFLINE_TEXT}`,
    failure: "the account was not changed",
    examples: ["cpm-registry admin revoke ada"],
  },
  run: async ({ config, json }, [username]) => {
    const { adminRevoke } = await import("../admin-accounts.ts");
    return adminRevoke({ config, username, json });
  },
});
