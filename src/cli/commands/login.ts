import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTION } from "../shared-options.ts";

/** `login` keeps an API token of a registry. */
export const loginCommand = defineCommand({
  name: "login",
  summary: "log in to a registry",
  isClient: true,
  options: {
    username: {
      type: "string",
      value: "<name>",
      description: "the user name or e-mail address; asked for when left out",
    },
    "password-stdin": PASSWORD_OPTION,
    "token-stdin": { type: "boolean", description: "keep the API token on the first line of standard input" },
    keychain: {
      type: "boolean",
      description: "keep the token in the keychain of the system instead of the file, now and at later logins",
    },
    scope: {
      type: "string",
      value: "<scope>",
      multiple: true,
      description:
        "what the token may do: read, publish-new, publish-update, yank, owners; repeat it; all when left out",
    },
    expires: { type: "string", value: "<days>", default: "90", description: "how long the token lives" },
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "url", optional: true, description: "the registry, such as https://cpm.example.org" }],
  help: {
    description: `Turns the password into an API token and keeps the token in ~/.cpm/credentials.json, which only you
      can read. The password and the session are not kept. A new login replaces the token of the last one.

      With --keychain, the token is kept in the keychain of macOS, the Credential Manager of Windows, or the Secret
      Service of Linux (GNOME Keyring, KWallet). Where there is none, the login fails and nothing is kept. To go back
      to the file: cpm-registry logout, then log in without it.

      The registry is remembered when none was before, so that later commands need not name it. Open invitations to own
      packages are shown.`,
    failure: "nobody was logged in",
    examples: [
      "cpm-registry login https://cpm.example.org",
      "cpm-registry login https://cpm.example.org --token-stdin < token",
    ],
  },
  run: async (options, [url]) => {
    const { login } = await import("../account.ts");
    return login(options, url);
  },
});
