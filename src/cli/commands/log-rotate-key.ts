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
    finish: {
      type: "boolean",
      description: "make no new key; take old ones out of log.key that do not sign any more",
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
      before the present one, with a space between them, for every server; the command takes it from there. When the time
      is over, --finish takes the old key out of log.key, or says what to take out of LOG_SIGNING_KEY. log key shows
      which keys sign, and until when.

      A thief of the old key can still sign another history, for those who trust only the old key and have not seen the
      rotation. So tell everybody the new verifier key over another channel, give it to your witnesses, and use --days 0
      after a theft.

      Stop the registry first, and start it afterwards: without --finish the command is refused while one runs. It can be
      repeated after a crash.`,
    failure: "the key was not replaced",
    examples: [
      "cpm-registry log rotate-key",
      "cpm-registry log rotate-key --days 0",
      "cpm-registry log rotate-key --finish",
    ],
  },
  run: async ({ config, days, finish, json }) => {
    if (finish) {
      const { logFinishRotation } = await import("../finish-log-key.ts");
      return logFinishRotation(config, json);
    }
    const { logRotateKey } = await import("../change-log-key.ts");
    return logRotateKey({ config, days, json });
  },
});
