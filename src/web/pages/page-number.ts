/** Reads the number of a page of a list from an address. What is no number means the first page. */
export function pageNumber(query: URLSearchParams): number {
  const asked = query.get("page") ?? "";
  return /^[1-9]\d{0,5}$/.test(asked) ? Number(asked) : 1;
}
