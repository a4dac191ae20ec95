/** User names and e-mail addresses compare without case. Control characters, which Postgres refuses in text, match nothing. */
export function foldIdentity(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/\p{Cc}/gu, "\u{fffd}");
}
