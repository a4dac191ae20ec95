const GZIP_TAG = /-gzip"$/;

/** Returns the entity tag of the compressed form: its bytes are others (RFC 9110 §8.8.3.3). */
export function gzipTag(entityTag: string): string {
  return entityTag.replace(/"$/, '-gzip"');
}

/** Removes what tells apart tags of the same document: weakness, and the encoding of its bytes. */
function bareTag(tag: string): string {
  return tag.trim().replace(/^W\//, "").replace(GZIP_TAG, '"');
}

/**
 * Reports whether an `If-None-Match` header matches the entity tag. The comparison is weak (RFC
 * 9110 §13.1.2). A client that has the compressed form has the document.
 */
export function matchesEntityTag(header: string | null, entityTag: string): boolean {
  if (header === null || header === entityTag) return header !== null;
  return header.trim() === "*" || header.split(",").some((tag) => bareTag(tag) === bareTag(entityTag));
}

/**
 * Returns the entity tag of a 304: that of the compressed form if the client has this one, so that
 * its cache finds what is unchanged (RFC 9111 §4.3.4).
 */
export function unchangedTag(header: string | null, entityTag: string): string {
  const plain = entityTag.replace(GZIP_TAG, '"');
  const compressed = gzipTag(plain);
  const isCompressed = header?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === compressed);
  return isCompressed ? compressed : plain;
}
