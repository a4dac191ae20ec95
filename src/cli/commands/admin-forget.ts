import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin forget` deletes the personal data of an account. */
export const adminForgetCommand = defineCommand({
  name: "admin forget",
  summary: "delete the personal data of an account for good",
  options: {
    "hand-over": {
      type: "string",
      value: "<username>",
      description: "who becomes the owner of packages that would have none",
    },
    yes: { type: "boolean", description: "do it; nothing brings the data back" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [{ name: "username", description: "the name of the account" }],
  help: {
    description: `Deletes e-mail address, password, sessions, API tokens and labels of an account, and the addresses and labels in
      its events. Nobody can log in to it any more, and its keys are retired. It leaves its packages. What it published
      stays.

      Its user name stays, on versions and in signed leaves of the log, which cannot change, and nobody else gets it.
      Backups keep what they have until they are removed. Then the database is rewritten, as admin purge does.
      Safe to repeat.

      ${OFFLINE_TEXT}`,
    failure: "nothing was changed, or files of the database may still hold deleted bytes",
    examples: ["cpm-registry admin forget ada --hand-over bob --yes"],
  },
  run: async ({ config, "hand-over": heir, yes, json }, [username]) => {
    const { adminForget } = await import("../admin-people.ts");
    return adminForget({ config, username, heir, yes, json });
  },
});
