import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT, PACKAGE_ARGUMENT } from "../shared-options.ts";

/** `admin uphold-reset` keeps a package's keys from cancelling its pending reset. */
export const adminUpholdResetCommand = defineCommand({
  name: "admin uphold-reset",
  summary: "keep keys from cancelling the reset of a package's keys",
  options: { json: JSON_OPTION, config: CONFIG_OPTION },
  arguments: [PACKAGE_ARGUMENT],
  help: {
    description: `Upholds the pending reset of a package's keys: only owners and administrators can cancel it from then
      on. Without a pending reset, the next one is upheld that an owner requests within seven days. Use it when a former
      owner's key cancels every reset. The log and the package's feed show it.

      ${OFFLINE_TEXT}`,
    failure: "nothing was changed",
    examples: ["cpm-registry admin uphold-reset left-pad"],
  },
  run: async ({ config, json }, [name]) => {
    const { adminUpholdReset } = await import("../admin-moderation.ts");
    return adminUpholdReset({ config, name, json });
  },
});
