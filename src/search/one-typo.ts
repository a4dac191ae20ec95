import { isNamePart } from "./words.ts";

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz0123456789-_."];
/** A longer text keeps enough trigrams whole to be found by these. */
const ONE_TYPO_MAX_CHARS = 8;
const ONE_TYPO_MIN_CHARS = 3;

/**
 * Every text that is one typing error away from a short name: a letter too many, one too few, a
 * wrong one, or two in each other's place; some 700 for the longest. In five or six letters an
 * error leaves hardly a trigram whole, so these names are looked up instead. Empty for a text of
 * another length, or that no name resembles.
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
