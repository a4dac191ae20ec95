/**
 * Reports whether an `If-None-Match` header matches the entity tag. The comparison is weak (RFC
 * 9110 §13.1.2).
 */
export function matchesEntityTag(header: string | null, entityTag: string): boolean {
  if (header === null || header === entityTag) return header !== null;
  const bare = (tag: string) => tag.trim().replace(/^W\//, "");
  return header.trim() === "*" || header.split(",").some((tag) => bare(tag) === bare(entityTag));
}
