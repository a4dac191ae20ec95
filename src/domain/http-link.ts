/**
 * Returns whether a text is an absolute http or https link. A page that shows any other, such as
 * `javascript:` or `data:`, would run it when a reader clicks on it.
 */
export function isHttpLink(text: string): boolean {
  return /^https?:\/\/[^\s/]/i.test(text) && URL.canParse(text);
}
