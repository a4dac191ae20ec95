/**
 * Makes the `Link` header of a page, with first, prev, next and last where they exist (RFC 8288).
 */
export function pageLinks(listUrl: string, query: URLSearchParams, page: number, totalPages: number): string {
  const link = (relation: string, target: number) => {
    const parameters = new URLSearchParams(query);
    parameters.set("page", String(target));
    return `<${listUrl}?${parameters}>; rel="${relation}"`;
  };
  const links: string[] = [];
  if (totalPages > 0) links.push(link("first", 1));
  if (page > 1 && totalPages > 0) links.push(link("prev", Math.min(page - 1, totalPages)));
  if (page < totalPages) links.push(link("next", page + 1));
  if (totalPages > 0) links.push(link("last", totalPages));
  return links.join(", ");
}

/** Proxies refuse long headers of answers. The body has every cursor. */
const LINKED_CURSOR_MAX_CHARS = 1_000;

/** Makes the `Link` header of a page that was read by cursor: only next, where it exists. */
export function cursorLink(listUrl: string, query: URLSearchParams, nextCursor: string | null): string {
  if (nextCursor === null || nextCursor.length > LINKED_CURSOR_MAX_CHARS) return "";
  const parameters = new URLSearchParams(query);
  parameters.delete("page");
  parameters.set("cursor", nextCursor);
  return `<${listUrl}?${parameters}>; rel="next"`;
}
