import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin grant` makes an account an administrator. */
export const adminGrantCommand = defineCommand({
  name: "admin grant",
  summary: "make an account an administrator",
  options: { json: JSON_OPTION, config: CONFIG_OPTION },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Makes an account an administrator, from its next request on.

      ${OFFLINE_TEXT}`,
    failure: "the account was not changed",
    examples: ["cpm-registry admin grant ada"],
  },
  run: async ({ config, json }, [username]) => {
    const { adminGrant } = await import("../admin-accounts.ts");
    return adminGrant({ config, username, json });
  },
});
