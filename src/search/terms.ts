import { wordsOf } from "./words.ts";

/*
 * The text index has these terms of a package: the words of its texts, its name after `^`, its tags
 * after `#` and its authors after `@`.
 *
 * Each term begins with the digit of the package's popularity bucket. So one lookup finds the
 * packages of one bucket, and a search that starts with the most popular bucket can stop when it
 * has enough. The column in the database is called `tier`.
 *
 * drizzle/<database>/*_search_candidates.sql has the same rules for packages that are older.
 */

/**
 * The popularity buckets, the most popular first. Packages of each have four times the downloads of
 * the next.
 */
export const POPULARITY_BUCKETS = [7, 6, 5, 4, 3, 2, 1, 0] as const;

/**
 * Tags and authors may be longer than an index accepts. What is cut is compared on the tables:
 * `isWhole`.
 */
const HEX_MAX_CHARS = 200;

/** What a package is found by, and its downloads. */
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

/** The conditions of a match. A package must have one term of each of them. */
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
export function isWhole(text: string): boolean {
  return Buffer.byteLength(text) * 2 <= HEX_MAX_CHARS;
}

export const isWord = (word: string): Term => ({ text: word, isPrefix: false });
export const beginsWord = (word: string): Term => ({ text: word, isPrefix: true });
export const hasTag = (tag: string): Term => ({ text: tagText(tag), isPrefix: false });
export const hasAuthor = (author: string): Term => ({ text: authorText(author), isPrefix: false });
export const beginsName = (beginning: string): Term => ({ text: `^${beginning}`, isPrefix: true });

/**
 * Returns the terms of names that one of the patterns covers, as `coversName` of accounts/actor.ts
 * reads them.
 */
export function coveredNames(patterns: readonly string[]): Term[] {
  return patterns.map((pattern) =>
    pattern.endsWith("*") ? beginsName(pattern.slice(0, -1)) : { text: `^${pattern}`, isPrefix: false },
  );
}
