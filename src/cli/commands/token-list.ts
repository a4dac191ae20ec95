import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `token list`: list your API tokens. */
export const tokenListCommand = defineCommand({
  name: "token list",
  summary: "list your API tokens",
  isClient: true,
  options: { ...PASSWORD_OPTIONS, ...CLIENT_OPTIONS },
  arguments: [],
  help: {
    description: `Lists what each token may do, until when, and when it was used last. Asks for your password, because an API token must not see others.`,
    failure: "the tokens were not listed",
    examples: ["cpm-registry token list"],
  },
  run: async (options) => {
    const { tokenList } = await import("../token.ts");
    return tokenList(options);
  },
});
