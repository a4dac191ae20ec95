import { type AccountLink, resetAddress } from "../accounts/account-links.ts";
import { countOption } from "./usage.ts";

const HOURS_MAX = 168;

/** Reads `--hours`. Throws `UsageError`. */
export function hoursOf(text = "24"): number {
  return countOption("--hours", text, HOURS_MAX);
}

/** What programs get of a reset link. */
export function resetLinkDocument(publicUrl: string, { token, expiresAt }: AccountLink) {
  return { link: resetAddress(publicUrl, token), token, expiresAt: expiresAt.toISOString() };
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
