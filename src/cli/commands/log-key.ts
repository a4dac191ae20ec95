import { defineCommand } from "../command.ts";
import { CONFIG_OPTION } from "../shared-options.ts";

/** `log key` prints the public key of the log, which verifiers trust. */
export const logKeyCommand = defineCommand({
  name: "log key",
  summary: "print the verifier key of this registry's log",
  options: { config: CONFIG_OPTION },
  arguments: [],
  help: {
    description: `Prints the verifier key of this registry's log, for --vkey and for policies. The key belongs to
      LOG_SIGNING_KEY, or to log.key in DATA_DIR, which is created if it is missing and there is no database yet.

      After a rotation, standard error also names the old keys that are there, and until when each signs.`,
    failure: "the key cannot be read or created",
    examples: ["cpm-registry log key"],
  },
  run: async ({ config }) => {
    const { logKey } = await import("../log.ts");
    return logKey(config);
  },
});
