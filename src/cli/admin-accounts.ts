import { newAccountLink } from "../accounts/account-links.ts";
import { generatePassword } from "../accounts/generate-password.ts";
import { createAccount } from "../accounts/register.ts";
import { requireNewPassword, requireRegistration } from "../accounts/schemas.ts";
import { type AccountChange, setRole } from "../accounts/set-role.ts";
import { OPERATOR } from "../audit/record-event.ts";
import type { Eviction } from "../moderation/evict.ts";
import { resetPassword, resetPasswordByLink } from "../moderation/reset-password.ts";
import { disableAccount, enableAccount } from "../moderation/set-disabled.ts";
import { counted } from "../runtime/counted.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { runOffline, runOfflineOnLog } from "../start/run-offline.ts";
import { type NewPassword, newPassword } from "./new-password.ts";
import { hoursOf, resetLinkDocument, resetLinkLines } from "./reset-link.ts";
import { listText } from "./table.ts";
import { UsageError } from "./usage.ts";

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
function passwordLines({ password, isGenerated }: NewPassword, url: string): string[] {
  if (!isGenerated) return [];
  return [
    "Its password, which is shown only once:",
    "",
    `  ${password}`,
    "",
    `Log in with it, then change it at ${url}/account/security.`,
  ];
}

/** How an operator gives somebody a password: as a line of standard input, or as a link. */
interface PasswordArguments {
  readonly passwordStdin: boolean;
  readonly hours: string | undefined;
}

interface CreateArguments extends AdminArguments, PasswordArguments {
  readonly email: string | undefined;
  readonly admin: boolean;
  /** Whether a link is printed in place of a password. */
  readonly link: boolean;
}

/**
 * Creates an account and prints its password, or a link by which its owner sets one; nothing of the
 * kind if the operator passed the password on standard input. Returns the exit code, as all commands
 * do.
 */
export async function adminCreate(given: CreateArguments): Promise<number> {
  const { config, username, email = `${username}@localhost`, admin, passwordStdin, link, hours, json } = given;
  if (link && passwordStdin) throw new UsageError("Use --link or --password-stdin, not both.");
  if (!link && hours !== undefined) throw new UsageError("--hours needs --link.");
  const validHours = hoursOf(hours);
  const secret = link ? { password: generatePassword(), isGenerated: false } : await newPassword(passwordStdin);
  const { password, isGenerated } = secret;
  // A wrong name must not be reported as a wrong address that nobody gave.
  requireRegistration({ username, email: given.email ?? "account@localhost", password });
  const role = admin ? "admin" : "user";
  const { made, resetLink, url } = await runOffline(config, async (deps) => {
    const resetLink = link ? newAccountLink(deps.clock(), validHours) : undefined;
    const registration = { username, email, password, link: resetLink };
    const made = await createAccount(deps, registration, role, () => OPERATOR);
    return { made, resetLink, url: deps.config.publicUrl };
  });
  const answer = { username: made.username, email: made.email, role: made.role };
  const what = `Created the ${admin ? "administrator" : "account"} ${made.username} (${made.email}).`;
  const shown = resetLink === undefined ? passwordLines(secret, url) : resetLinkLines(url, resetLink);
  const document = resetLink === undefined ? {} : resetLinkDocument(url, resetLink);
  if (json) printJson({ ...answer, ...(isGenerated ? { password } : {}), ...document });
  else print([what, ...shown].join("\n"));
  return 0;
}

/** The options of commands that evict whoever uses an account. */
type EvictArguments = AdminArguments & { readonly retireKeys: boolean };

/** Prints what an eviction took back, and the keys that remain to be judged. */
function evictionLines(evicted: Eviction, retireKeys: boolean): string[] {
  const { sessionsEnded, tokensRevoked, webhooksDisabled, invitationsWithdrawn, resetsCancelled, recentKeys } = evicted;
  const ended = `Ended ${counted(sessionsEnded, "session")} and revoked ${counted(tokensRevoked, "API token")}.`;
  const invited = invitationsWithdrawn.map((each) => `${each.username} to own ${each.package}`);
  const keys = recentKeys.map(({ keyId, createdAt, label }) => `${keyId}  ${createdAt}  ${label}`.trimEnd());
  const advice = retireKeys ? "Retired the keys" : "To retire them, repeat with --retire-keys: the keys";
  return [
    ended,
    ...listText(
      "Disabled webhooks; once their owner has looked at one, cpm-registry webhook replay makes it work again:",
      webhooksDisabled.map(({ id, host }) => `${id}  ${host}`),
    ),
    ...listText("Withdrew invitations:", invited),
    ...listText("Cancelled key resets of:", resetsCancelled),
    ...listText(`${advice} that it registered in the last 30 days:`, keys),
  ];
}

/**
 * Ends the password of an account and evicts whoever has it. Prints a link by which its owner sets
 * another one, unless the operator passed one on standard input.
 */
export async function adminResetPassword(given: EvictArguments & PasswordArguments): Promise<number> {
  const { config, username, passwordStdin, hours, retireKeys, json } = given;
  if (passwordStdin && hours !== undefined) throw new UsageError("Use --hours or --password-stdin, not both.");
  if (passwordStdin) return givePassword(given);
  const validHours = hoursOf(hours);
  // An eviction records each reset that it cancels in the log.
  const { url, link, ...reset } = await runOfflineOnLog(config, async (deps) => ({
    ...(await resetPasswordByLink(deps, OPERATOR, username, { hours: validHours, retireKeys })),
    url: deps.config.publicUrl,
  }));
  const what = `The old password of ${reset.username} does not work any more.`;
  if (json) printJson({ ...reset, ...resetLinkDocument(url, link) });
  else print([what, ...evictionLines(reset, retireKeys), ...resetLinkLines(url, link)].join("\n"));
  return 0;
}

async function givePassword({ config, username, retireKeys, json }: EvictArguments): Promise<number> {
  const { password } = await newPassword(true);
  requireNewPassword(password);
  const reset = await runOfflineOnLog(config, (deps) =>
    resetPassword(deps, OPERATOR, username, { password, retireKeys }),
  );
  if (json) printJson(reset);
  else print([`Gave ${reset.username} a new password.`, ...evictionLines(reset, retireKeys)].join("\n"));
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

function warnOfNoAdmin(enabledAdmins: number, remedy = "admin grant <username>"): void {
  if (enabledAdmins > 0) return;
  printError(`No administrator who can log in is left. To make one: cpm-registry ${remedy}`);
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
  warnOfNoAdmin(enabledAdmins, `admin enable ${name}, or admin grant <username>`);
  return 0;
}

/** Lets a disabled account in again. */
export async function adminEnable({ config, username, json }: AdminArguments): Promise<number> {
  const change = await runOffline(config, (deps) => enableAccount(deps, OPERATOR, username));
  return report(change, json, "is enabled; its password works again", "was already enabled");
}
