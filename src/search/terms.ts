import { wordsOf } from "./words.ts";

/*
 * What the index knows of a package: the words of its texts, its name behind `^`, its tags behind `#` and its authors
 * behind `@`, each with the digit of the package's tier in front. So one lookup finds the packages of one tier, and a
 * search that begins with the most popular tier may stop when it has enough. drizzle/<database>/*_search_candidates.sql
 * has the same rules for packages that were there before.
 */

/** Tiers, the most popular first: each has packages with four times the downloads of the next. */
export const TIERS = [7, 6, 5, 4, 3, 2, 1, 0] as const;

/** Tags and authors are longer than an index takes; what is beyond is compared where it matters: `isWhole`. */
const HEX_MAX_CHARS = 200;

/** The words one package is found by, and how popular it is. */
export interface SearchDocument {
  readonly packageId: number;
  readonly name: string;
  readonly tags: readonly string[];
  readonly authors: readonly string[];
  readonly description: string;
  readonly downloads: number;
}

/** A term without its tier; one that stands for all that begin so. */
export interface Term {
  readonly text: string;
  readonly isPrefix: boolean;
}

/** What a package must have to match: of each condition one term. */
export type Conditions = readonly (readonly Term[])[];

/** How popular a package is: 0 below 4 downloads, 1 below 16, 2 below 64 and so on. */
export function tierOf(downloads: number): number {
  return downloads < 1 ? 0 : Math.min(TIERS[0], Math.floor(Math.log2(downloads) / 2));
}

/** The terms of a package, each once. */
export function termsOf({ name, tags, authors, description, downloads }: SearchDocument): string[] {
  const tier = tierOf(downloads);
  const texts = [name, tags.join(" "), authors.join(" "), description];
  const terms = [...texts.flatMap(wordsOf), `^${name}`, ...tags.map(tagText), ...authors.map(authorText)];
  return [...new Set(terms)].map((term) => `${tier}${term}`);
}

function hexOf(text: string): string {
  return Buffer.from(text).toString("hex").slice(0, HEX_MAX_CHARS);
}

const tagText = (tag: string) => `#${hexOf(tag)}`;
const authorText = (author: string) => `@${hexOf(author)}`;

/** Whether the term of a tag or author is that of no other. */
export function isWhole(text: string): boolean {
  return Buffer.byteLength(text) * 2 <= HEX_MAX_CHARS;
}

export const isWord = (word: string): Term => ({ text: word, isPrefix: false });
export const beginsWord = (word: string): Term => ({ text: word, isPrefix: true });
export const hasTag = (tag: string): Term => ({ text: tagText(tag), isPrefix: false });
export const hasAuthor = (author: string): Term => ({ text: authorText(author), isPrefix: false });
export const beginsName = (beginning: string): Term => ({ text: `^${beginning}`, isPrefix: true });

/** The terms of names that one of the patterns covers, as `coversName` of accounts/actor.ts reads them. */
export function coveredNames(patterns: readonly string[]): Term[] {
  return patterns.map((pattern) =>
    pattern.endsWith("*") ? beginsName(pattern.slice(0, -1)) : { text: `^${pattern}`, isPrefix: false },
  );
}
