/** More words than a person types; the rest of a longer query is left out. */
const QUERY_WORDS_MAX = 12;
const WORD_MAX_CHARS = 64;
/*
 * What is indexed of one text. Folding makes eighteen characters of some single ones, and Postgres
 * refuses a tsvector above 1 MiB: four texts of this size and the positions of their words stay
 * below it.
 */
const TEXT_WORDS_MAX = 4_000;
const TEXT_WORDS_MAX_BYTES = 128 * 1_024;
/** The longest search text; what follows is left out. */
export const SEARCH_MAX_CHARS = 200;

/**
 * Splits text into the words both databases index and are asked for: letters and digits of any
 * script, lower case, without accents. Everything else, `%`, `_`, quotes and operators included,
 * only separates words, so no query can be syntax. Splitting here and not in the databases keeps
 * them alike. What is beyond the bounds of a text is left out.
 */
export function wordsOf(text: string): string[] {
  const folded = text
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

/** A search as it was typed and as it is asked. */
export interface SearchText {
  /** Trimmed and in lower case: what a package's name is compared with. */
  readonly text: string;
  /** Each of them must begin a word of the package. */
  readonly words: readonly string[];
}

/**
 * Reads a search text; undefined when nothing was typed. Without a letter or digit in it, it
 * matches nothing.
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

/** Whether a text could be part of a name: nothing else is looked for in names. */
export function isNamePart(text: string): boolean {
  return /^[a-z0-9._-]+$/.test(text);
}

/**
 * Below this many characters a text is a prefix of too many names to look for inside or resemblance
 * of names.
 */
export const PART_MIN_CHARS = 3;

/** The trigrams of words as pg_trgm makes them: each word with two spaces before and one behind. */
function trigramsOf(words: readonly string[]): Set<string> {
  const trigrams = new Set<string>();
  for (const word of words) {
    const padded = `  ${word} `;
    for (let at = 0; at + 3 <= padded.length; at += 1) trigrams.add(padded.slice(at, at + 3));
  }
  return trigrams;
}

/**
 * How alike names are to a text, 0 to 1: shared trigrams over all trigrams, as pg_trgm's
 * `similarity`.
 */
export function similarityTo(text: string): (name: string) => number {
  const own = trigramsOf(wordsOf(text));
  return (name) => {
    // What `wordsOf` would say of a name, in a tenth of the time.
    const others = trigramsOf(name.split(/[-_.]/));
    let shared = 0;
    for (const trigram of others) if (own.has(trigram)) shared += 1;
    const all = own.size + others.size - shared;
    return all === 0 ? 0 : shared / all;
  };
}

/** Names at least this alike are offered when nothing else matches: pg_trgm's own default. */
export const SIMILARITY_MIN = 0.3;
