import { INVITATION_DAYS_MAX, inviteAccount } from "../accounts/account-links.ts";
import { requireEmail } from "../accounts/schemas.ts";
import { OPERATOR } from "../audit/record-event.ts";
import { print, printJson } from "../runtime/print.ts";
import { runOffline } from "../start/run-offline.ts";
import { UsageError } from "./usage.ts";

/** Options of `admin invite`. */
export interface InviteArguments {
  readonly config: string | undefined;
  readonly email: string | undefined;
  readonly days: string;
  readonly json: boolean;
}

/** Makes an invitation and prints it once. Throws `UsageError` for a wrong number of days. */
export async function adminInvite({ config, email, days: text, json }: InviteArguments): Promise<number> {
  const days = Number(/^\d{1,3}$/.test(text) ? text : Number.NaN);
  if (!(days >= 1 && days <= INVITATION_DAYS_MAX))
    throw new UsageError(`--days needs a number from 1 to ${INVITATION_DAYS_MAX}.`);
  if (email !== undefined) requireEmail(email);
  const { token, expiresAt, url } = await runOffline(config, async (deps) => ({
    ...(await inviteAccount(deps, OPERATOR, { email, days })),
    url: deps.config.publicUrl,
  }));
  const link = `${url}/register?invitation=${token}`;
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
