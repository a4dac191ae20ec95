import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, KEY_OPTION } from "../shared-options.ts";

/** `key request`: ask an owner to let your key sign a package. */
export const keyRequestCommand = defineCommand({
  name: "key request",
  summary: "ask an owner to let your key sign a package",
  isClient: true,
  options: {
    package: { type: "string", value: "<name>", required: true, description: "the package" },
    key: KEY_OPTION,
    ...CLIENT_OPTIONS,
  },
  arguments: [],
  help: {
    description: `Prints one line for an owner of the package, who approves it with key approve within ten minutes. For a co-owner, and
      for a second machine: no private key is sent.`,
    failure: "the line was not made",
    examples: ["cpm-registry key request --package hello"],
  },
  run: async (options) => {
    const { keyRequest } = await import("../key-changes.ts");
    return keyRequest(options);
  },
});
