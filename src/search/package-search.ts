export const SORTS = ["relevance", "downloads", "updated", "name"] as const;
export type Sort = (typeof SORTS)[number];

/** What a list is asked for. `page` counts from 1. */
export interface PackageSearch {
  readonly search: string | undefined;
  /** Folded, each once. A package must have all of them. */
  readonly tags: readonly string[];
  readonly author: string | undefined;
  /** Names and patterns of what may be found; undefined: everything. */
  readonly readable: readonly string[] | undefined;
  readonly sort: Sort;
  readonly page: number;
  readonly pageSize: number;
}

/** Ids of one page, in order, and how many packages match in all. */
export interface PackagePage {
  readonly ids: readonly number[];
  readonly total: number;
  /** There are more than `total`, which are not looked for. */
  readonly isCapped: boolean;
}
