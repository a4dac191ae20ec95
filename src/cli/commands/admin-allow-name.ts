import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT, PACKAGE_ARGUMENT } from "../shared-options.ts";

/** `admin allow-name` permits one name that resembles a popular one. */
export const adminAllowNameCommand = defineCommand({
  name: "admin allow-name",
  summary: "allow a name that resembles a popular one",
  options: { json: JSON_OPTION, config: CONFIG_OPTION },
  arguments: [PACKAGE_ARGUMENT],
  help: {
    description: `Allows a package name that resembles the name of a popular package. That cannot be undone. If the package
      should not be there, put it in quarantine with admin quarantine.

      ${OFFLINE_TEXT}`,
    failure: "the name was not allowed",
    examples: ["cpm-registry admin allow-name num-py"],
  },
  run: async ({ config, json }, [name]) => {
    const { adminAllowName } = await import("../admin-moderation.ts");
    return adminAllowName({ config, name, json });
  },
});
