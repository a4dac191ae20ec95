import { defineCommand } from "../command.ts";
import { LOCAL_OPTIONS } from "../shared-options.ts";

/** `config get`: print one entry of the client's configuration. */
export const configGetCommand = defineCommand({
  name: "config get",
  summary: "print one entry of the client's configuration",
  isClient: true,

  options: { ...LOCAL_OPTIONS },
  arguments: [{ name: "key", description: "registry, color, minimumAge, or registries.<name>.url, .key or .cafile" }],
  help: {
    description: `Prints the value of one entry of ~/.cpm/config.`,
    failure: "the entry is not set",
    examples: ["cpm-registry config get registry"],
  },
  run: async (options, [key]) => {
    const { configGet } = await import("../config-file.ts");
    return configGet(options, key);
  },
});
