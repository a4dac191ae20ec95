import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin list` lists accounts. */
export const adminListCommand = defineCommand({
  name: "admin list",
  summary: "list accounts, or find some",
  options: {
    kind: { type: "string", value: "<word>", default: "all", description: "all, admins or disabled" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [{ name: "text", optional: true, description: "a part of a user name or e-mail address" }],
  help: {
    description: `Lists accounts by user name, with their e-mail addresses.

      ${OFFLINE_TEXT}`,

    examples: ["cpm-registry admin list --kind admins", "cpm-registry admin list example.org --json"],
  },
  run: async ({ config, kind, json }, [sought]) => {
    const { adminList } = await import("../admin-people.ts");
    return adminList({ config, sought, kind, json });
  },
});
