/**
 * Decodes standard base64 strictly. Returns undefined unless encoding the bytes again gives the
 * same text.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/**
 * Parses a decimal number without leading zeroes, up to 2^53 - 1. Returns undefined for other
 * texts.
 */
export function parseDecimal(text: string): number | undefined {
  const value = Number(text);
  return /^(?:0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}
