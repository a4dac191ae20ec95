import { defineCommand } from "../command.ts";

/** `log make-key` makes a signing key for a log. It opens no database. */
export const logMakeKeyCommand = defineCommand({
  name: "log make-key",
  summary: "print a new LOG_SIGNING_KEY",
  options: {},
  arguments: [{ name: "origin", description: "the name of the log, such as cpm.example.org/log" }],
  help: {
    description: `Prints a new private key that signs the log of this origin, for LOG_SIGNING_KEY. Keep it safe:
      whoever has it can sign another log. To give an existing log a new key, see log rotate-key.`,
    failure: "the key could not be made",
    examples: ["cpm-registry log make-key cpm.example.org/log"],
  },
  run: async (_, [origin]) => {
    const { logMakeKey } = await import("../log.ts");
    return logMakeKey(origin);
  },
});
