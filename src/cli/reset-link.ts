import type { AccountLink } from "../accounts/account-links.ts";
import { UsageError } from "./usage.ts";

const HOURS_MAX = 168;

/** Reads `--hours`. Throws `UsageError`. */
export function hoursOf(text = "24"): number {
  const hours = Number(/^\d{1,3}$/.test(text) ? text : Number.NaN);
  if (hours >= 1 && hours <= HOURS_MAX) return hours;
  throw new UsageError(`--hours needs a number from 1 to ${HOURS_MAX}.`);
}

/** What programs get of a reset link. */
export function resetLinkDocument(publicUrl: string, { token, expiresAt }: AccountLink) {
  return { link: `${publicUrl}/reset?token=${token}`, token, expiresAt: expiresAt.toISOString() };
}

/** Prints a reset link and how to use it. */
export function resetLinkLines(publicUrl: string, made: AccountLink): string[] {
  const { link, token, expiresAt } = resetLinkDocument(publicUrl, made);
  return [
    `A link to set a new password, once, until ${expiresAt.slice(0, 16).replace("T", " ")} UTC. It is shown only now:`,
    ...["", `  ${link}`, "", "Or with the client:", ""],
    `  cpm-registry reset-password ${publicUrl} --token ${token}`,
  ];
}
