import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS } from "../shared-options.ts";

/** `logout` revokes and forgets the token of `login`. */
export const logoutCommand = defineCommand({
  name: "logout",
  summary: "log out of a registry",
  isClient: true,
  options: {
    local: { type: "boolean", description: "only forget the token here; it stays valid until it expires" },
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "url", optional: true, description: "the registry, such as https://cpm.example.org" }],
  help: {
    description: "Revokes the API token of login at the registry, and forgets it here. Signing keys stay.",
    failure: "the token was not revoked, and is still here",
    examples: ["cpm-registry logout", "cpm-registry logout https://cpm.example.org --local"],
  },
  run: async (options, [url]) => {
    const { logout } = await import("../account.ts");
    return logout(options, url);
  },
});
