import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, EVICTION_TEXT, JSON_OPTION, OFFLINE_TEXT, RETIRE_KEYS_OPTION } from "../shared-options.ts";

/** `admin disable` locks an account and evicts whoever uses it. */
export const adminDisableCommand = defineCommand({
  name: "admin disable",
  summary: "lock an account out, and take back what a thief did",
  options: { "retire-keys": RETIRE_KEYS_OPTION, json: JSON_OPTION, config: CONFIG_OPTION },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Locks an account out: its password is refused until it is enabled again. What it published stays. Warns if
      no administrator is left.

      ${EVICTION_TEXT}

      ${OFFLINE_TEXT}`,
    failure: "the account was not changed",
    examples: ["cpm-registry admin disable mallory"],
  },
  run: async ({ config, "retire-keys": retireKeys, json }, [username]) => {
    const { adminDisable } = await import("../admin-accounts.ts");
    return adminDisable({ config, username, retireKeys, json });
  },
});
