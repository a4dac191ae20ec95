import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTION } from "../shared-options.ts";

/** `reset-password` sets a new password by a link of an administrator, and logs in. */
export const resetPasswordCommand = defineCommand({
  name: "reset-password",
  summary: "set a new password with a link of an administrator, and log in",
  isClient: true,
  options: {
    token: {
      type: "string",
      value: "<token>",
      description: "the token of the link, or the whole link; asked for when left out",
    },
    "password-stdin": PASSWORD_OPTION,
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "url", optional: true, description: "the registry, such as https://cpm.example.org" }],
  help: {
    description: `Sets the password of your account with a link, which works once, and logs in. Administrators and the
      operator of the registry make such links. What is kept is an API token, never the password.`,
    failure: "the password was not set",
    examples: [
      "cpm-registry reset-password https://cpm.example.org",
      "cpm-registry reset-password https://cpm.example.org --token tkvZ3bWp7Xq0 --password-stdin < password",
    ],
  },
  run: async (options, [url]) => {
    const { resetPassword } = await import("../account.ts");
    return resetPassword(options, url);
  },
});
