import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION } from "../shared-options.ts";

/** `log rotate-key` replaces the key of the log, which signs on beside the new one for a while. */
export const logRotateKeyCommand = defineCommand({
  name: "log rotate-key",
  summary: "replace the key that signs this registry's log",
  options: {
    days: {
      type: "string",
      value: "<number>",
      default: "90",
      description: "for how long the old key signs beside the new one",
    },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `For a log key that may be in wrong hands, or is old. Appends a leaf that the old and the new key
      sign. From then on every checkpoint has both signatures for --days, then the new one alone: verifiers that know
      only the old key have so much time. verify and log audit follow by themselves, later too.

      With log.key, the new key is made and written there. With LOG_SIGNING_KEY, make it with log make-key, and write it
      after the present one, with a space between them, for every server; the command takes it from there. Take the old
      key out when the time is over.

      A thief of the old key can still sign another history, for those who trust only the old key and have not seen the
      rotation. So tell everybody the new verifier key over another channel, give it to your witnesses, and use --days 0
      after a theft.

      Stop the registry first, and start it afterwards: the command is refused while one runs. It can be repeated after
      a crash.`,
    failure: "the key was not replaced",
    examples: ["cpm-registry log rotate-key", "cpm-registry log rotate-key --days 0"],
  },
  run: async ({ config, days, json }) => {
    const { logRotateKey } = await import("../change-log-key.ts");
    return logRotateKey({ config, days, json });
  },
});
