import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `token revoke`: revoke an API token. */
export const tokenRevokeCommand = defineCommand({
  name: "token revoke",
  summary: "revoke an API token",
  isClient: true,
  options: { ...PASSWORD_OPTIONS, ...CLIENT_OPTIONS },
  arguments: [{ name: "token", description: "its id or its label, as token list prints them" }],
  help: {
    description: `Revokes a token at once. Asks for your password, because an API token must not revoke others.`,
    failure: "nothing was revoked",
    examples: ["cpm-registry token revoke hello-in-ci"],
  },
  run: async (options, [token]) => {
    const { tokenRevoke } = await import("../token.ts");
    return tokenRevoke(options, token);
  },
});
