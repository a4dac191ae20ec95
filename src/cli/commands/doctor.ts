import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS } from "../shared-options.ts";

/** `doctor`: check what the client needs, and say how to mend it. */
export const doctorCommand = defineCommand({
  name: "doctor",
  summary: "check what the client needs, and say how to mend it",
  isClient: true,

  options: { ...CLIENT_OPTIONS },
  arguments: [],
  help: {
    description: `Checks files and their modes, the ssh-agent, name and proxy of the registry, TLS, versions, clocks, that the log continues
      what you saw of it, your token, and which of your packages the keys of this machine may sign. Changes nothing but what
      is remembered of the log.`,
    failure: "something is broken",
    examples: ["cpm-registry doctor", "cpm-registry doctor --json"],
  },
  run: async (options) => {
    const { doctor } = await import("../doctor.ts");
    return doctor(options);
  },
});
