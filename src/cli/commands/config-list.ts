import { defineCommand } from "../command.ts";
import { LOCAL_OPTIONS } from "../shared-options.ts";

/** `config list`: print the client's configuration. */
export const configListCommand = defineCommand({
  name: "config list",
  summary: "print the client's configuration",
  isClient: true,

  options: { ...LOCAL_OPTIONS },
  arguments: [],
  help: {
    description: `Prints all entries of ~/.cpm/config.`,
    failure: "the file cannot be read",
    examples: ["cpm-registry config list"],
  },
  run: async (options) => {
    const { configList } = await import("../config-file.ts");
    return configList(options);
  },
});
