import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, KEY_OPTION, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `key approve`: let the key of a request sign a package. */
export const keyApproveCommand = defineCommand({
  name: "key approve",
  summary: "let the key of a request sign a package",
  isClient: true,
  options: { key: KEY_OPTION, ...PASSWORD_OPTIONS, ...CLIENT_OPTIONS },
  arguments: [{ name: "line", description: "the line that key request printed" }],
  help: {
    description: `Signs the request of a co-owner, or of your other machine, and sends it. Compare the id of the key on another channel.`,
    failure: "the package was not changed",
    examples: ["cpm-registry key approve cpm-key-request-v1.eyJuYW1lIjoiaGVsbG8ifQ"],
  },
  run: async (options, [line]) => {
    const { keyApprove } = await import("../key-changes.ts");
    return keyApprove(options, line);
  },
});
