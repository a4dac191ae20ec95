import { INVITATION_DAYS_MAX, invitationAddress, inviteAccount } from "../accounts/account-links.ts";
import { listAccountInvitations } from "../accounts/list-account-invitations.ts";
import { requireEmail } from "../accounts/schemas.ts";
import { withdrawAccountInvitation } from "../accounts/withdraw-account-invitation.ts";
import { OPERATOR } from "../audit/record-event.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { print, printJson } from "../runtime/print.ts";
import { runOffline } from "../start/run-offline.ts";
import { tableText } from "./table.ts";
import { countOption, UsageError } from "./usage.ts";

interface Given {
  readonly config: string | undefined;
  readonly json: boolean;
}

/** Options of `admin invite`. */
export interface InviteArguments extends Given {
  readonly email: string | undefined;
  readonly days: string;
}

/** Makes an invitation and prints it once. Throws `UsageError` for a wrong number of days. */
export async function adminInvite({ config, email, days: text, json }: InviteArguments): Promise<number> {
  const days = countOption("--days", text, INVITATION_DAYS_MAX);
  if (email !== undefined) requireEmail(email);
  const { token, expiresAt, url } = await runOffline(config, async (deps) => ({
    ...(await inviteAccount(deps, OPERATOR, { email, days })),
    url: deps.config.publicUrl,
  }));
  const link = invitationAddress(url, token);
  if (json) printJson({ link, token, email: email ?? null, expiresAt: expiresAt.toISOString() });
  else {
    const lines = [
      `An invitation for one account${email === undefined ? "" : ` of ${email}`}, until ${expiresAt.toISOString().slice(0, 10)}. It is shown only once:`,
      ...["", `  ${link}`, "", "Or with the client:", ""],
      `  cpm-registry register ${url} --invitation ${token}`,
    ];
    print(lines.join("\n"));
  }
  return 0;
}

const ID_SHOWN_CHARS = 12;

/** Lists the invitations that nobody has used yet. */
export async function adminListInvitations({ config, json }: Given): Promise<number> {
  const invitations = await runOffline(config, listAccountInvitations);
  if (json) printJson({ invitations });
  else if (invitations.length === 0) print("No invitation is open.");
  else {
    const rows = invitations.map(({ id, email, createdAt, expiresAt }) => [
      ...[id.slice(0, ID_SHOWN_CHARS), email ?? "whoever has the link"],
      ...[createdAt.slice(0, 10), expiresAt.slice(0, 10)],
    ]);
    print(tableText([["ID", "FOR", "MADE", "OPEN UNTIL"], ...rows]));
  }
  return 0;
}

/**
 * Withdraws the invitation whose id begins with `id`. Throws `UsageError` if it can be no id, and
 * `OperatorError` unless there is exactly one.
 */
export async function adminRevokeInvitation({ config, json, id }: Given & { readonly id: string }): Promise<number> {
  if (!/^[0-9a-f]{4,}$/.test(id)) throw new UsageError("--revoke needs an id, or its first characters: at least four.");
  const withdrawn = await runOffline(config, async (deps) => {
    const [found, ...others] = (await listAccountInvitations(deps)).filter((open) => open.id.startsWith(id));
    const list = "List them: cpm-registry admin invite --list";
    if (found === undefined) throw new OperatorError(`no open invitation has an id that begins with ${id}. ${list}`);
    if (others.length > 0) throw new OperatorError(`several invitations have ids that begin with ${id}. ${list}`);
    await withdrawAccountInvitation(deps, OPERATOR, found.id);
    return found;
  });
  if (json) printJson({ withdrawn });
  else print(`Withdrew the invitation for ${withdrawn.email ?? "whoever has the link"}: its link makes no account.`);
  return 0;
}
