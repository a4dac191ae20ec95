import { wordsOf } from "./words.ts";

/*
 * The text index holds these terms for each package: the words of its texts, its name after `^`,
 * its tags after `#` and its authors after `@`.
 *
 * Each term begins with the digit of the package's popularity bucket. So one lookup finds the
 * packages of one bucket, and a search that starts with the most popular bucket can stop when it
 * has enough. The column in the database is called `tier`.
 *
 * drizzle/<database>/*_search_candidates.sql repeats these rules for packages that were published
 * before that migration.
 */

/**
 * The popularity buckets, the most popular first. Each bucket starts at four times the downloads of
 * the next.
 */
export const POPULARITY_BUCKETS = [7, 6, 5, 4, 3, 2, 1, 0] as const;

/**
 * Tags and authors may be longer than an index accepts. A cut term may match the wrong package, so
 * the query compares the full text in the tables (see `isUncut`).
 */
const HEX_MAX_CHARS = 200;

/** The text that a search matches, and the downloads of the package. */
export interface SearchDocument {
  readonly packageId: number;
  readonly name: string;
  readonly tags: readonly string[];
  readonly authors: readonly string[];
  readonly description: string;
  readonly downloads: number;
}

/** A term without the digit of its bucket. A prefix stands for all terms that begin with it. */
export interface Term {
  readonly text: string;
  readonly isPrefix: boolean;
}

/** The conditions of a match. A package matches if it has at least one term of every condition. */
export type TermConditions = readonly (readonly Term[])[];

/** Returns the popularity bucket: 0 below 4 downloads, 1 below 16, 2 below 64 and so on. */
export function popularityBucketOf(downloads: number): number {
  return downloads < 1 ? 0 : Math.min(POPULARITY_BUCKETS[0], Math.floor(Math.log2(downloads) / 2));
}

/** Returns the terms of a package, without duplicates. */
export function indexTermsOf({ name, tags, authors, description, downloads }: SearchDocument): string[] {
  const bucket = popularityBucketOf(downloads);
  const texts = [name, tags.join(" "), authors.join(" "), description];
  const terms = [...texts.flatMap(wordsOf), `^${name}`, ...tags.map(tagText), ...authors.map(authorText)];
  return [...new Set(terms)].map((term) => `${bucket}${term}`);
}

function hexOf(text: string): string {
  return Buffer.from(text).toString("hex").slice(0, HEX_MAX_CHARS);
}

const tagText = (tag: string) => `#${hexOf(tag)}`;
const authorText = (author: string) => `@${hexOf(author)}`;

/**
 * Returns whether the term of a tag or author is not cut, so that no other tag or author has the
 * same term.
 */
export function isUncut(text: string): boolean {
  return Buffer.byteLength(text) * 2 <= HEX_MAX_CHARS;
}

/** The term of packages whose texts have a word. */
export const wordTerm = (word: string): Term => ({ text: word, isPrefix: false });
/** The terms of packages whose texts have a word with this beginning. */
export const wordPrefixTerm = (word: string): Term => ({ text: word, isPrefix: true });
/** The term of packages with a tag. */
export const tagTerm = (tag: string): Term => ({ text: tagText(tag), isPrefix: false });
/** The term of packages with an author. */
export const authorTerm = (author: string): Term => ({ text: authorText(author), isPrefix: false });
/** The terms of packages whose names have this beginning. */
export const namePrefixTerm = (beginning: string): Term => ({ text: `^${beginning}`, isPrefix: true });

/**
 * Returns terms that match the names that the patterns allow. Patterns mean the same as in
 * `coversName` of accounts/actor.ts.
 */
export function patternTerms(patterns: readonly string[]): Term[] {
  return patterns.map((pattern) =>
    pattern.endsWith("*") ? namePrefixTerm(pattern.slice(0, -1)) : { text: `^${pattern}`, isPrefix: false },
  );
}
