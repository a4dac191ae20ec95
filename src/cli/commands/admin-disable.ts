import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

export const adminDisableCommand = defineCommand({
  name: "admin disable",
  summary: "lock an account out",
  options: { json: JSON_OPTION, config: CONFIG_OPTION },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Locks an account out: its sessions end, and its password and API tokens are refused until it is enabled again. What
      it published stays. Warns if no administrator is left.

      ${OFFLINE_TEXT}`,
    failure: "the account was not changed",
    examples: ["cpm-registry admin disable mallory"],
  },
  run: async ({ config, json }, [username]) => {
    const { adminDisable } = await import("../admin-accounts.ts");
    return adminDisable({ config, username, json });
  },
});
