/** Returns the words of a field, which people separate by spaces, lines or commas. */
export function wordsOf(form: URLSearchParams, field: string): string[] {
  return (form.get(field) ?? "").split(/[\s,]+/).filter((word) => word !== "");
}
