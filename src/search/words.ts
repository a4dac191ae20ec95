import { cutMarkRuns } from "../domain/mark-runs.ts";

/** More words than a person types. Further words of a query are ignored. */
const QUERY_WORDS_MAX = 12;
const WORD_MAX_CHARS = 64;
/*
 * The bounds of the indexed words of one text. Folding can turn one character into eighteen, and
 * Postgres refuses a tsvector above 1 MiB. Four texts of this size, with the positions of their
 * words, stay below it.
 */
const TEXT_TOKENS_MAX = 4_000;
const TEXT_WORDS_MAX_BYTES = 128 * 1_024;
/** The longest search text. Further characters are ignored. */
const SEARCH_MAX_CHARS = 200;

/**
 * The parts of a text that become words.
 *
 * - `run`: text of scripts that put no blanks between words, and Korean, whose particles stick to
 *   them. Nothing but a dictionary tells the words of a run apart.
 * - `picture`: an emoji. Two letters of a flag are one.
 * - `word`: letters and digits of all other scripts, with the signs that tell `.NET` from net, and
 *   `C++` and `C#` from C. A dot inside of a name (`asp.net`) is `inside`.
 */
const TOKEN =
  /(?<run>[[\p{L}\p{N}]&&[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]]+)|(?<picture>\p{RI}\p{RI}|\p{Extended_Pictographic})|(?:(?<inside>(?<=[\p{L}\p{N}])\.(?=\p{L}))|(?<dot>\.(?=\p{L})))?(?<word>[[\p{L}\p{N}]--[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]]+)(?<sign>\+\+|#)?/gv;
/** The same for text in ASCII, which most text is. */
const ASCII_TOKEN = /(?:(?<inside>(?<=[a-z0-9])\.(?=[a-z]))|(?<dot>\.(?=[a-z])))?(?<word>[a-z0-9]+)(?<sign>\+\+|#)?/g;
/** All marks but those that make other sounds of kana. */
const MARKS = /[\p{M}--[\u3099\u309a]]+/gv;

interface Token {
  readonly run?: string;
  readonly picture?: string;
  readonly word?: string;
  readonly inside?: string;
  readonly dot?: string;
  readonly sign?: string;
}

/**
 * Folds case and accents. Upper case comes in between, because only it makes the one letter of
 * `größe` the two of `GRÖSSE`. The last step puts syllables of Korean together again.
 */
function folded(text: string): string {
  const bare = cutMarkRuns(text).normalize("NFKD").replaceAll(MARKS, "");
  return bare.toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFC");
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** Returns every two neighbouring characters of a run, and its last one. */
function pairsOf(run: string, withLast: boolean): string[] {
  const characters = [...run];
  if (characters.length === 1) return [run];
  const pairs = characters.slice(1).map((character, at) => `${characters[at]}${character}`);
  return withLast ? [...pairs, characters.at(-1) ?? ""] : pairs;
}

/** The words by which a token is found, the plain word first. */
function indexWords({ run, picture, word = "", inside, dot, sign = "" }: Token): string[] {
  if (run !== undefined) return pairsOf(run, true);
  if (picture !== undefined) return [picture];
  const plain = word.slice(0, WORD_MAX_CHARS);
  const words = [plain];
  if (sign !== "") words.push(plain + sign);
  if (inside !== undefined || dot !== undefined) words.push(`.${plain}`);
  return words;
}

/**
 * The words that a package must have for a token. A character that stands alone begins a pair, or
 * is the last of its run.
 */
function queryWords({ run, picture, word = "", dot, sign = "" }: Token): string[] {
  if (run !== undefined) return pairsOf(run, false);
  if (picture !== undefined) return [picture];
  const plain = word.slice(0, WORD_MAX_CHARS);
  const words = [];
  if (dot !== undefined) words.push(`.${plain}`);
  if (sign !== "") words.push(plain + sign);
  return words.length === 0 ? [plain] : words;
}

function boundedWords(text: string, wordsOfToken: (token: Token) => string[]): string[] {
  const tokens = isAscii(text) ? text.toLowerCase().matchAll(ASCII_TOKEN) : folded(text).matchAll(TOKEN);
  const words: string[] = [];
  let [count, bytes] = [0, 0];
  for (const { groups } of tokens) {
    count += 1;
    if (count > TEXT_TOKENS_MAX) break;
    for (const word of wordsOfToken(groups ?? {})) {
      bytes += Buffer.byteLength(word);
      if (bytes > TEXT_WORDS_MAX_BYTES) return words;
      words.push(word);
    }
  }
  return words;
}

/**
 * Splits text into the words that both databases index: letters and digits of any script, without
 * case and accents, pairs of characters where words are not separated, and emoji. All other
 * characters, `%`, `_`, quotes and operators included, only separate words, so no query can be
 * syntax.
 *
 * The splitting is done here and not in the databases so that both behave the same. Words beyond
 * the bounds of a text are ignored. After a change, raise `WORDS_VERSION` and let a migration
 * insert `listings` into `pending_rebuilds`.
 */
export function wordsOf(text: string): string[] {
  return boundedWords(text, indexWords);
}

/**
 * Returns the words of a tag, so marked that a text with words of several tags has none of them.
 */
export function asTagWords(tag: string): string {
  return ` , ${wordsOf(tag).join(" ")} , `;
}

/** The version of the rules in this file. Fingerprints of indexed packages contain it. */
export const WORDS_VERSION = 2;

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
  return { text, words: [...new Set(boundedWords(text, queryWords))].slice(0, QUERY_WORDS_MAX) };
}

/** Returns whether a text could be part of a name. Other texts are not searched in names. */
export function isNamePart(text: string): boolean {
  return /^[a-z0-9._-]+$/.test(text);
}

/** A shorter text is part of too many names to be searched inside names or compared with them. */
export const PART_MIN_CHARS = 3;

/** Returns every three neighbouring characters of a text, as the trigrams of SQLite are. */
export function shortestPartsOf(text: string): string[] {
  const count = Math.max(0, text.length - PART_MIN_CHARS + 1);
  return Array.from({ length: count }, (_, at) => text.slice(at, at + PART_MIN_CHARS));
}

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
