import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin invite` lets one person make an account. */
export const adminInviteCommand = defineCommand({
  name: "admin invite",
  summary: "print a link with which one person can make an account",
  options: {
    email: { type: "string", value: "<address>", description: "the only e-mail address that may use it" },
    days: { type: "string", value: "<number>", default: "7", description: "how long it is valid, at most 90" },
    list: { type: "boolean", description: "make none; list the open invitations" },
    revoke: { type: "string", value: "<id>", description: "make none; withdraw the one whose id begins like this" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `Prints a link for one new account, also where REGISTRATION is closed. It can be used once. The registry keeps
      only a digest of it, so it is shown only now. Send it on a channel that you trust. --list shows the invitations that nobody has used yet, with
      ids for --revoke.

      ${OFFLINE_TEXT}`,
    failure: "no invitation was made",
    examples: ["cpm-registry admin invite --email ada@example.org", "cpm-registry admin invite --list"],
  },
  run: async ({ config, email, days, list, revoke, json }) => {
    const { adminInvite, adminListInvitations, adminRevokeInvitation } = await import("../admin-invite.ts");
    if (revoke !== undefined) return adminRevokeInvitation({ config, json, id: revoke });
    return list ? adminListInvitations({ config, json }) : adminInvite({ config, email, days, json });
  },
});
