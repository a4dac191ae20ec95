import type { ListCursor } from "./list-cursor.ts";
import type { PackageSearch } from "./package-search.ts";

/** No search finds this many packages at a time, so a cursor with more ends the list. */
const SEEN_MAX = 2_000;

type Place = Pick<PackageSearch, "page" | "pageSize" | "cursor">;

/** The ids of one page, in order, and where the next page begins. */
interface CutPage {
  readonly ids: readonly number[];
  readonly next: ListCursor | undefined;
}

/** Returns how many ids from the start of a list show the page and whether there is another one. */
export function idsNeeded({ page, pageSize, cursor }: Place): number {
  const before = cursor?.kind === "seen" ? cursor.ids.length : (page - 1) * pageSize;
  return before + pageSize + 1;
}

/**
 * Cuts a page from the first `idsNeeded` ids of a list. After a cursor, these are the first ids
 * that the reader does not have.
 */
export function cutPage(first: readonly number[], { page, pageSize, cursor }: Place): CutPage {
  const offset = (page - 1) * pageSize;
  const before = cursor?.kind === "seen" ? cursor.ids : first.slice(0, offset);
  const seen = new Set(before);
  const others = cursor?.kind === "seen" ? first.filter((id) => !seen.has(id)) : first.slice(offset);
  const ids = others.slice(0, pageSize);
  const isLast = others.length <= pageSize || before.length >= SEEN_MAX;
  return { ids, next: isLast ? undefined : { kind: "seen", ids: [...before, ...ids] } };
}
