import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION } from "../shared-options.ts";

/** `log start-new` continues the tree of a log whose key is lost, under another origin and key. */
export const logStartNewCommand = defineCommand({
  name: "log start-new",
  summary: "begin a new log, because the key of the old one is lost",
  options: {
    yes: { type: "boolean", description: "do it; without it, the command only says what it would do" },
    origin: {
      type: "string",
      value: "<name>",
      description: "the name of the new log; by default that of the old one with -2, -3 and so on",
    },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `For a registry that only serves reads (log_key_missing), and whose log key is lost for ever. The new
      log has another name and another key, and keeps all leaves of the old one. Its first own leaf names the old key,
      size and root, so everybody can check that nothing was lost.

      With log.key, the new key is made and written there. With LOG_SIGNING_KEY, set it to a new one of the new name
      alone, as log make-key prints it.

      Users and auditors refuse the new log (log_restarted): they cannot verify, download or publish until they have
      accepted its key once, with log audit --vkey. Tell them this key over another channel, and give it to your
      witnesses.

      Stop the registry first, and start it afterwards: the command is refused while one runs. It can be repeated after
      a crash.`,
    failure: "no new log was begun",
    examples: ["cpm-registry log start-new", "cpm-registry log start-new --yes --origin cpm.example.org/log-2"],
  },
  run: async ({ config, yes, origin, json }) => {
    const { logStartNew } = await import("../change-log-key.ts");
    return logStartNew({ config, yes, origin, json });
  },
});
