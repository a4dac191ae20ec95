import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin delete` deletes an account. */
export const adminDeleteCommand = defineCommand({
  name: "admin delete",
  summary: "delete an account that has done nothing with packages",
  options: {
    yes: { type: "boolean", description: "do it; nothing brings the account back" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Deletes an account with everything that belongs to it, and frees its user name. It is refused for an account that
      owns packages or changed some, because its name is on them and in the log: use admin forget there.

      ${OFFLINE_TEXT}`,
    failure: "nothing was deleted, or files of the database may still hold deleted bytes",
    examples: ["cpm-registry admin delete typo-in-name --yes"],
  },
  run: async ({ config, yes, json }, [username]) => {
    const { adminDelete } = await import("../admin-people.ts");
    return adminDelete({ config, username, yes, json });
  },
});
