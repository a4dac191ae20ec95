import { defineCommand } from "../command.ts";
import { LOCAL_OPTIONS } from "../shared-options.ts";

/** `config set`: set one entry of the client's configuration. */
export const configSetCommand = defineCommand({
  name: "config set",
  summary: "set one entry of the client's configuration",
  isClient: true,

  options: { ...LOCAL_OPTIONS },
  arguments: [
    { name: "key", description: "registry, color, minimumAge, or registries.<name>.url, .key or .cafile" },
    { name: "value", description: "an empty text removes the entry" },
  ],
  help: {
    description: `Changes ~/.cpm/config, and keeps everything else that is in it. A name under registries can be given to --registry.
      registries.<name>.key is the verifier key of its log: with it, what that key did not sign is refused.

      minimumAge is how old a version must be for download and info to choose it, such as 7d: a version that was stolen
      or broken is often found out in its first days. A version that is named is always taken.`,
    failure: "nothing was changed",
    examples: [
      "cpm-registry config set registry https://cpm.example.org",
      "cpm-registry config set registries.work.url https://cpm.work.example",
      "cpm-registry config set minimumAge 7d",
    ],
  },
  run: async (options, [key, value]) => {
    const { configSet } = await import("../config-file.ts");
    return configSet(options, key, value);
  },
});
