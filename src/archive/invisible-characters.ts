import { type ArchiveWarning, namedPlaces } from "./archive-warning.ts";

/**
 * Characters that nobody sees: bidi controls, which reorder a line, zero-width characters, and
 * tags. Joiners belong to emoji and to scripts other than Latin, tags to flags.
 */
const INVISIBLE =
  /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u{feff}]|(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\p{M}]|(?!\p{Script=Latin})\p{L})[\u200c\u200d]|(?<![\u{1f3f4}\u{e0020}-\u{e007e}])[\u{e0000}-\u{e007f}]/u;

/** Returns whether a text has an invisible character that a reader should know of. */
export function hasInvisible(text: string): boolean {
  return INVISIBLE.test(text);
}

/** Returns one warning for all texts that have invisible characters. `texts` are by their names. */
export function invisibleWarnings(texts: Readonly<Record<string, string | undefined>>): ArchiveWarning[] {
  const places = Object.entries(texts).flatMap(([place, text = ""]) => (hasInvisible(text) ? [place] : []));
  const [path] = places;
  if (path === undefined) return [];
  const message = `${namedPlaces(places)}: invisible characters, which can make a text look like another: remove them`;
  return [{ code: "invisible_characters", message, path }];
}
