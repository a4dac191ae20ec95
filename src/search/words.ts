import { cutMarkRuns } from "../domain/mark-runs.ts";

/** More words than a person types. Further words of a query are ignored. */
const QUERY_WORDS_MAX = 12;
const WORD_MAX_CHARS = 64;
/*
 * The bounds of the indexed words of one text. Folding can turn one character into eighteen, and
 * Postgres refuses a tsvector above 1 MiB. Four texts of this size, with the positions of their
 * words, stay below it.
 */
const TEXT_WORDS_MAX = 4_000;
const TEXT_WORDS_MAX_BYTES = 128 * 1_024;
/** The longest search text. Further characters are ignored. */
export const SEARCH_MAX_CHARS = 200;

/**
 * Splits text into the words that both databases index and search: letters and digits of any
 * script, in lower case, without accents. All other characters, `%`, `_`, quotes and operators
 * included, only separate words, so no query can be syntax.
 *
 * The splitting is done here and not in the databases so that both behave the same. Words beyond
 * the bounds of a text are ignored.
 */
export function wordsOf(text: string): string[] {
  const folded = cutMarkRuns(text)
    .normalize("NFKD")
    .replaceAll(/\p{M}+/gu, "")
    .toLowerCase();
  const words: string[] = [];
  let bytes = 0;
  for (const [whole] of folded.matchAll(/[\p{L}\p{N}]+/gu)) {
    const word = whole.slice(0, WORD_MAX_CHARS);
    bytes += Buffer.byteLength(word);
    if (words.length === TEXT_WORDS_MAX || bytes > TEXT_WORDS_MAX_BYTES) break;
    words.push(word);
  }
  return words;
}

/** A search text, parsed. */
export interface SearchText {
  /** Trimmed and in lower case. It is compared with names. */
  readonly text: string;
  /** Each of them must begin a word of the package. */
  readonly words: readonly string[];
}

/**
 * Parses a search text; undefined when it is blank. A text without a letter or digit matches
 * nothing.
 */
export function parseSearch(typed: string | undefined): SearchText | undefined {
  if (typed === undefined || typed.trim() === "") return undefined;
  const text = typed
    .replaceAll(/\p{Cc}/gu, " ")
    .trim()
    .slice(0, SEARCH_MAX_CHARS)
    .toLowerCase();
  return { text, words: [...new Set(wordsOf(text))].slice(0, QUERY_WORDS_MAX) };
}

/** Returns whether a text could be part of a name. Other texts are not searched in names. */
export function isNamePart(text: string): boolean {
  return /^[a-z0-9._-]+$/.test(text);
}

/** A shorter text is part of too many names to be searched inside names or compared with them. */
export const PART_MIN_CHARS = 3;

/**
 * Returns the trigrams of words as pg_trgm makes them: each word with two spaces before and one
 * after it.
 */
function trigramsOf(words: readonly string[]): Set<string> {
  const trigrams = new Set<string>();
  for (const word of words) {
    const padded = `  ${word} `;
    for (let at = 0; at + 3 <= padded.length; at += 1) trigrams.add(padded.slice(at, at + 3));
  }
  return trigrams;
}

/**
 * Returns a function that rates how alike a name is to a text, from 0 to 1: shared trigrams over
 * all trigrams, as pg_trgm's `similarity`.
 */
export function similarityTo(text: string): (name: string) => number {
  const own = trigramsOf(wordsOf(text));
  return (name) => {
    // The same words as `wordsOf` would return for a name, but much faster.
    const others = trigramsOf(name.split(/[-_.]/));
    let shared = 0;
    for (const trigram of others) if (own.has(trigram)) shared += 1;
    const all = own.size + others.size - shared;
    return all === 0 ? 0 : shared / all;
  };
}

/**
 * Names at least this alike are returned when nothing else matches. It is pg_trgm's own default.
 */
export const SIMILARITY_MIN = 0.3;
