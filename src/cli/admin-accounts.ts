import { createAccount } from "../accounts/register.ts";
import { requireNewPassword, requireRegistration } from "../accounts/schemas.ts";
import { type AccountChange, setRole } from "../accounts/set-role.ts";
import { OPERATOR } from "../audit/record-event.ts";
import type { Eviction } from "../moderation/evict.ts";
import { resetPassword } from "../moderation/reset-password.ts";
import { disableAccount, enableAccount } from "../moderation/set-disabled.ts";
import { counted } from "../runtime/counted.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { runOffline, runOfflineOnLog } from "../start/run-offline.ts";
import { type NewPassword, newPassword } from "./new-password.ts";
import { listText } from "./table.ts";

/** The options that all account commands share. */
export interface AdminArguments {
  readonly config: string | undefined;
  readonly username: string;
  readonly json: boolean;
}

/**
 * Prints a generated password and what to do with it. Returns no lines if the operator chose the
 * password.
 */
function passwordLines({ password, isGenerated }: NewPassword): string[] {
  if (!isGenerated) return [];
  return ["Its password, which is shown only once:", "", `  ${password}`, "", "Log in with it, then change it."];
}

/**
 * Creates an account and prints its password, unless the operator passed it on standard input.
 * Returns the exit code, as all commands do.
 */
export async function adminCreate({
  config,
  username,
  email = `${username}@localhost`,
  admin,
  passwordStdin,
  json,
}: AdminArguments & { readonly email: string | undefined; readonly admin: boolean; readonly passwordStdin: boolean }) {
  const secret = await newPassword(passwordStdin);
  const { password, isGenerated } = secret;
  requireRegistration({ username, email, password });
  const role = admin ? "admin" : "user";
  const made = await runOffline(config, (deps) =>
    createAccount(deps, { username, email, password }, role, () => OPERATOR),
  );
  const answer = { username: made.username, email: made.email, role: made.role };
  const what = `Created the ${admin ? "administrator" : "account"} ${made.username} (${made.email}).`;
  if (json) printJson({ ...answer, ...(isGenerated ? { password } : {}) });
  else print([what, ...passwordLines(secret)].join("\n"));
  return 0;
}

/** The options of commands that evict whoever uses an account. */
type EvictArguments = AdminArguments & { readonly retireKeys: boolean };

/** Prints what an eviction took back, and the keys that remain to be judged. */
function evictionLines(evicted: Eviction, retireKeys: boolean): string[] {
  const { sessionsEnded, tokensRevoked, invitationsWithdrawn, resetsCancelled, recentKeys } = evicted;
  const ended = `Ended ${counted(sessionsEnded, "session")} and revoked ${counted(tokensRevoked, "API token")}.`;
  const invited = invitationsWithdrawn.map((each) => `${each.username} to own ${each.package}`);
  const keys = recentKeys.map(({ keyId, createdAt, label }) => `${keyId}  ${createdAt}  ${label}`.trimEnd());
  const advice = retireKeys ? "Retired the keys" : "To retire them, repeat with --retire-keys: the keys";
  return [
    ended,
    ...listText("Withdrew invitations:", invited),
    ...listText("Cancelled key resets of:", resetsCancelled),
    ...listText(`${advice} that it registered in the last 30 days:`, keys),
  ];
}

/** Gives an account a new password and evicts whoever has it. */
export async function adminResetPassword({
  config,
  username,
  passwordStdin,
  retireKeys,
  json,
}: EvictArguments & { readonly passwordStdin: boolean }): Promise<number> {
  const secret = await newPassword(passwordStdin);
  const { password, isGenerated } = secret;
  requireNewPassword(password);
  // An eviction records each reset that it cancels in the log.
  const reset = await runOfflineOnLog(config, (deps) =>
    resetPassword(deps, OPERATOR, username, { password, retireKeys }),
  );
  const what = `Gave ${reset.username} a new password.`;
  if (json) printJson({ ...reset, ...(isGenerated ? { password } : {}) });
  else print([what, ...evictionLines(reset, retireKeys), ...passwordLines(secret)].join("\n"));
  return 0;
}

/** Prints whether the account changed, and warns if no administrator is left. */
function report(
  { username, changed, enabledAdmins }: AccountChange,
  json: boolean,
  changedText: string,
  unchangedText: string,
): number {
  if (json) printJson({ username, changed, enabledAdmins });
  else print(`${username} ${changed ? changedText : unchangedText}.`);
  warnOfNoAdmin(enabledAdmins);
  return 0;
}

function warnOfNoAdmin(enabledAdmins: number): void {
  if (enabledAdmins > 0) return;
  printError("No administrator who can log in is left. To make one: cpm-registry admin grant <username>");
}

/** Makes an account an administrator. */
export async function adminGrant({ config, username, json }: AdminArguments): Promise<number> {
  const change = await runOffline(config, (deps) => setRole(deps, OPERATOR, username, "admin"));
  return report(change, json, "is now an administrator", "was already an administrator");
}

/** Makes an administrator an ordinary account. */
export async function adminRevoke({ config, username, json }: AdminArguments): Promise<number> {
  const change = await runOffline(config, (deps) => setRole(deps, OPERATOR, username, "user"));
  return report(change, json, "is no longer an administrator", "was not an administrator");
}

/** Locks an account out and evicts whoever has it. */
export async function adminDisable({ config, username, retireKeys, json }: EvictArguments): Promise<number> {
  const {
    changed,
    enabledAdmins,
    username: name,
    ...evicted
  } = await runOfflineOnLog(config, (deps) => disableAccount(deps, OPERATOR, username, { retireKeys }));
  if (json) printJson({ username: name, changed, enabledAdmins, ...evicted });
  else {
    const what = `${name} ${changed ? "is disabled" : "was already disabled"}.`;
    print([what, ...evictionLines(evicted, retireKeys)].join("\n"));
  }
  warnOfNoAdmin(enabledAdmins);
  return 0;
}

/** Lets a disabled account in again. */
export async function adminEnable({ config, username, json }: AdminArguments): Promise<number> {
  const change = await runOffline(config, (deps) => enableAccount(deps, OPERATOR, username));
  return report(change, json, "is enabled; its password works again", "was already enabled");
}
