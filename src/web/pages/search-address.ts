import { SORTS, type Sort } from "../../search/package-search.ts";
import { foldTag } from "../../search/search-packages.ts";

/** The longest search text. A longer one is cut. */
export const QUERY_MAX_CHARS = 400;
const TAGS_MAX = 10;
const TAG_MAX_CHARS = 100;
const PAGE_MAX = 1_000_000;

/** What the address of a search asks for. */
export interface AskedSearch {
  readonly text: string;
  /** Folded, without duplicates. */
  readonly tags: readonly string[];
  readonly author: string | undefined;
  readonly sort: Sort;
  readonly page: number;
}

function cut(text: string, max: number): string {
  return text
    .slice(0, max)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, " ")
    .trim();
}

/**
 * Reads the parameters of a search. People type addresses and cut them, so whatever makes no sense
 * is left out, and nothing is refused.
 */
export function askedSearch(query: URLSearchParams): AskedSearch {
  const tags = query
    .getAll("tag")
    .flatMap((list) => list.split(","))
    .slice(0, TAGS_MAX)
    .map((tag) => foldTag(cut(tag, TAG_MAX_CHARS)));
  const author = cut(query.get("author") ?? "", TAG_MAX_CHARS);
  const page = query.get("page") ?? "";
  return {
    text: cut(query.get("q") ?? "", QUERY_MAX_CHARS),
    tags: [...new Set(tags)].filter((tag) => tag !== ""),
    author: author === "" ? undefined : author,
    sort: SORTS.find((sort) => sort === query.get("sort")) ?? "relevance",
    page: /^[1-9]\d{0,6}$/.test(page) ? Math.min(Number(page), PAGE_MAX) : 1,
  };
}

/** Returns the address of a search below the root. Without `page` in `changed`, it is the first. */
export function searchAddress(asked: AskedSearch, changed: Partial<AskedSearch> = {}): string {
  const { text, tags, author, sort, page } = { ...asked, page: 1, ...changed };
  const query = new URLSearchParams();
  if (text !== "") query.set("q", text);
  for (const tag of tags) query.append("tag", tag);
  if (author !== undefined) query.set("author", author);
  if (sort !== "relevance") query.set("sort", sort);
  if (page > 1) query.set("page", String(page));
  return query.size === 0 ? "search" : `search?${query}`;
}
