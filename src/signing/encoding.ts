const HEX = /^(?:[0-9a-f]{2})+$/;

/**
 * Decodes hex, base64 or base64url strictly: encoding the bytes again must give the same text, so one signature has
 * one spelling per alphabet. `byteLength` decides between the alphabets, because short texts fit several. Padding may
 * be left out in base64url only. Undefined when no alphabet gives exactly that many bytes.
 */
export function decodeStrictly(text: string, byteLength: number): Uint8Array | undefined {
  if (text.length === byteLength * 2 && HEX.test(text)) return new Uint8Array(Buffer.from(text, "hex"));
  for (const alphabet of ["base64", "base64url"] as const) {
    const bytes = Buffer.from(text, alphabet);
    if (bytes.length === byteLength && bytes.toString(alphabet) === text) return new Uint8Array(bytes);
  }
  return undefined;
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
