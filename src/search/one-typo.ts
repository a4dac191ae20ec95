import { isNamePart } from "./words.ts";

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz0123456789-_."];
/** A longer text keeps enough of its trigrams to be found by them. */
const ONE_TYPO_MAX_CHARS = 8;
const ONE_TYPO_MIN_CHARS = 3;

/**
 * Returns every text that is one typing error away from a short name: one letter too many, one too
 * few, one wrong letter, or two letters swapped. In five or six letters an error leaves hardly a
 * trigram whole, so these names are looked up instead. Empty for a text of another length, or one
 * that is not part of any name.
 */
export function oneTypoFrom(text: string): string[] {
  if (text.length < ONE_TYPO_MIN_CHARS || text.length > ONE_TYPO_MAX_CHARS || !isNamePart(text)) return [];
  const near = new Set<string>();
  for (let at = 0; at <= text.length; at += 1) {
    const [before, letter, after] = [text.slice(0, at), text.slice(at, at + 1), text.slice(at + 1)];
    for (const other of LETTERS) {
      near.add(before + other + letter + after);
      near.add(before + other + after);
    }
    near.add(before + after);
    near.add(before + after.slice(0, 1) + letter + after.slice(1));
  }
  near.delete(text);
  return [...near];
}
