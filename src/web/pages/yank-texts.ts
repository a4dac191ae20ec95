import type { YankReason } from "../../packages/yank-reasons.ts";

/** What the reasons of yanks mean, as words after a colon. `other` says nothing by itself. */
export const YANK_REASON_TEXTS: Readonly<Record<Exclude<YankReason, "other">, string>> = {
  broken: "it does not work",
  security: "it is not safe to use",
  renamed: "it has another name now",
};

/** Returns a reason as words. Undefined for none, and for one that says nothing by itself. */
export function yankReasonText(reason: string | null): string | undefined {
  return Object.entries(YANK_REASON_TEXTS).find(([known]) => known === reason)?.[1];
}
