const HEX = /^(?:[0-9a-f]{2})+$/i;
/** Programs break lines of base64 after 64 or 76 characters. */
const LINE_BREAKS = /\r?\n/g;

/**
 * Decodes hex, base64 or base64url strictly. Hex may be in capitals, and lines may be broken. Apart
 * from that, encoding the bytes again must give the same text, so that a signature has one spelling
 * per alphabet. `byteLength` selects the alphabet, because short texts fit several. Only base64url
 * may omit padding. Returns undefined if no alphabet gives exactly `byteLength` bytes.
 */
export function decodeStrictly(text: string, byteLength: number): Uint8Array | undefined {
  const joined = text.replace(LINE_BREAKS, "");
  if (joined.length === byteLength * 2 && HEX.test(joined)) return new Uint8Array(Buffer.from(joined, "hex"));
  for (const alphabet of ["base64", "base64url"] as const) {
    const bytes = Buffer.from(joined, alphabet);
    if (bytes.length === byteLength && bytes.toString(alphabet) === joined) return new Uint8Array(bytes);
  }
  return undefined;
}

/** Encodes bytes as lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Encodes bytes as base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
