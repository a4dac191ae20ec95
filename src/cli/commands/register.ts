import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTION } from "../shared-options.ts";

/** `register` makes an account at a registry and logs in. */
export const registerCommand = defineCommand({
  name: "register",
  summary: "make an account at a registry, and log in",
  isClient: true,
  options: {
    username: { type: "string", value: "<name>", description: "the user name; asked for when left out" },
    email: { type: "string", value: "<address>", description: "the e-mail address; asked for when left out" },
    invitation: {
      type: "string",
      value: "<token>",
      description: "the token of an invitation, for a registry whose registration is closed",
    },
    "password-stdin": PASSWORD_OPTION,
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "url", optional: true, description: "the registry, such as https://cpm.example.org" }],
  help: {
    description: `Makes an account and logs in to it. Asks for what the options leave out. The registry is remembered,
      so that later commands need not name it. What is kept is an API token, never the password.`,
    failure: "the account was not made",
    examples: [
      "cpm-registry register http://localhost:5000",
      "cpm-registry register https://cpm.example.org --username alice --email alice@example.org --password-stdin < password",
    ],
  },
  run: async (options, [url]) => {
    const { register } = await import("../account.ts");
    return register(options, url);
  },
});
