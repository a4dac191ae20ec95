import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `token create`: make an API token for scripts and pipelines. */
export const tokenCreateCommand = defineCommand({
  name: "token create",
  summary: "make an API token for scripts and pipelines",
  isClient: true,
  options: {
    label: { type: "string", value: "<text>", required: true, description: "what the token is for" },
    scope: {
      type: "string",
      value: "<scope>",
      multiple: true,
      description:
        "what it may do: read, publish-new, publish-update, yank, owners; repeat it; read and publish-update when left out",
    },
    package: {
      type: "string",
      value: "<name>",
      multiple: true,
      description: "only this package, or names such as hello-*; repeat it",
    },
    expires: { type: "string", value: "<days>", default: "90", description: "how long the token lives" },
    ...PASSWORD_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  arguments: [],
  help: {
    description: `Prints the token alone on standard output, once. Asks for your password, because an API token must not make
      others.`,
    failure: "no token was made",
    examples: ["cpm-registry token create --label hello-in-ci --package hello > token"],
  },
  run: async (options) => {
    const { tokenCreate } = await import("../token.ts");
    return tokenCreate(options);
  },
});
