import type { ListCursor } from "./list-cursor.ts";

/** The orders of a list. Without a search text, `relevance` means `downloads`. */
export const SORTS = ["relevance", "downloads", "updated", "name"] as const;

/** One order of a list. */
export type Sort = (typeof SORTS)[number];

/** The parameters of a list. `page` counts from 1. */
export interface PackageSearch {
  readonly search: string | undefined;
  /** Folded, without duplicates. A package must have all of them. */
  readonly tags: readonly string[];
  readonly author: string | undefined;
  /** The names and patterns of packages that may be found; undefined means all of them. */
  readonly readable: readonly string[] | undefined;
  readonly sort: Sort;
  readonly page: number;
  readonly pageSize: number;
  /** Where to go on; it takes the place of `page`. */
  readonly cursor?: ListCursor | undefined;
}

/** The ids of one page, in order, and how many packages match in all. */
export interface PackagePage {
  readonly ids: readonly number[];
  readonly total: number;
  /** True if more than `total` packages match; they are not counted. */
  readonly isCapped: boolean;
  /** True if nothing matches, and these are packages whose names resemble the text. */
  readonly isResembling?: true;
  /** Where the next page begins; undefined on the last one. */
  readonly next: ListCursor | undefined;
}
