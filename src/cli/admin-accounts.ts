import { createAccount } from "../accounts/register.ts";
import { resetPassword } from "../accounts/reset-password.ts";
import { requireNewPassword, requireRegistration } from "../accounts/schemas.ts";
import { type AccountChange, setRole } from "../accounts/set-role.ts";
import { OPERATOR } from "../audit/record-event.ts";
import type { Config } from "../config/config.ts";
import { setDisabled } from "../moderation/set-disabled.ts";
import { counted } from "../runtime/counted.ts";
import { type OfflineDeps, openOfflineLog } from "../start/open-offline.ts";
import { runOffline } from "../start/run-offline.ts";
import { type NewPassword, newPassword } from "./new-password.ts";

/** What every command about an account receives. */
export interface AdminArguments {
  readonly config: string | undefined;
  readonly username: string;
  readonly json: boolean;
}

/**
 * Prints a generated password and what to do with it. Empty for a password that the operator chose.
 */
function passwordLines({ password, isGenerated }: NewPassword): string[] {
  if (!isGenerated) return [];
  return ["Its password, which is shown only once:", "", `  ${password}`, "", "Log in with it, then change it."];
}

/** Creates an account and prints its password, unless that came from standard input. */
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
    createAccount(deps, { username, email, password, role }, () => OPERATOR),
  );
  const answer = { username: made.username, email: made.email, role: made.role };
  const what = `Created the ${admin ? "administrator" : "account"} ${made.username} (${made.email}).`;
  if (json) console.log(JSON.stringify({ ...answer, ...(isGenerated ? { password } : {}) }));
  else console.log([what, ...passwordLines(secret)].join("\n"));
  return 0;
}

/** Gives an account a new password and ends its sessions and API tokens. */
export async function adminResetPassword({
  config,
  username,
  passwordStdin,
  json,
}: AdminArguments & { readonly passwordStdin: boolean }): Promise<number> {
  const secret = await newPassword(passwordStdin);
  const { password, isGenerated } = secret;
  requireNewPassword(password);
  const reset = await runOffline(config, (deps) => resetPassword(deps, OPERATOR, username, password));
  const tokens = counted(reset.tokensRevoked, "API token");
  const what = `Gave ${reset.username} a new password, ended its sessions and revoked ${tokens}.`;
  if (json) console.log(JSON.stringify({ ...reset, ...(isGenerated ? { password } : {}) }));
  else console.log([what, ...passwordLines(secret)].join("\n"));
  return 0;
}

/** Prints whether the account changed, and warns if no administrator is left. */
function report(
  { username, changed, enabledAdmins }: AccountChange,
  json: boolean,
  now: string,
  already: string,
): number {
  if (json) console.log(JSON.stringify({ username, changed, enabledAdmins }));
  else console.log(`${username} ${changed ? now : already}.`);
  if (enabledAdmins === 0) {
    console.error("No administrator who can log in is left. To make one: cpm-registry admin grant <username>");
  }
  return 0;
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

/**
 * Disabling cancels key resets that the account asked for, and the log records each cancellation.
 */
async function setDisabledOffline(
  deps: OfflineDeps & { readonly config: Config },
  username: string,
  isDisabled: boolean,
) {
  return setDisabled({ ...deps, log: await openOfflineLog(deps) }, OPERATOR, username, isDisabled);
}

/** Locks an account out. */
export async function adminDisable({ config, username, json }: AdminArguments): Promise<number> {
  const change = await runOffline(config, (deps) => setDisabledOffline(deps, username, true));
  return report(change, json, "is disabled, and its sessions have ended", "was already disabled");
}

/** Lets a disabled account in again. */
export async function adminEnable({ config, username, json }: AdminArguments): Promise<number> {
  const change = await runOffline(config, (deps) => setDisabledOffline(deps, username, false));
  return report(change, json, "is enabled; its password and its API tokens work again", "was already enabled");
}
