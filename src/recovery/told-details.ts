import { isReplacement } from "../domain/replacement.ts";
import type { LeafDetails } from "../log/leaf-details.ts";
import { MESSAGE_MAX_CHARS, YANK_REASONS, type YankReason } from "../packages/yank-reasons.ts";

/*
 * Nobody signs the details of a leaf, and whoever can write to the storage can change them. What no
 * request could have stored does not come back.
 */

/** Before the first registry, and after what a date of four digits says. */
const [FIRST_YEAR, LAST_YEAR] = [2000, 9999];

/** Returns when a change was made, or `otherwise` if the details tell no time that can be. */
export function toldTime({ at }: LeafDetails, otherwise: Date): Date {
  const told = new Date(at ?? "");
  const year = told.getUTCFullYear();
  return year >= FIRST_YEAR && year <= LAST_YEAR ? told : otherwise;
}

/**
 * Returns the words, or null if requests cannot have such ones. The longest are messages of yanks;
 * reasons of quarantines are shorter.
 */
export function toldWords(text: string | undefined): string | null {
  return text !== undefined && text.length <= MESSAGE_MAX_CHARS && !text.includes("\0") ? text : null;
}

/** Returns what is told of a yank: null for each member that requests cannot have. */
export function toldYank({ reason, message, replacement }: LeafDetails): {
  readonly reason: YankReason | null;
  readonly message: string | null;
  readonly replacement: string | null;
} {
  return {
    reason: YANK_REASONS.find((known) => known === reason) ?? null,
    message: toldWords(message),
    replacement: replacement !== undefined && isReplacement(replacement) ? replacement : null,
  };
}
