import { expect, test } from "bun:test";
import { decodeStrictly } from "../../src/signing/encoding.ts";

const bytes = new Uint8Array(Buffer.from(`${"fbff3e".repeat(10)}0102`, "hex"));
const base64 = Buffer.from(bytes).toString("base64");
const base64url = Buffer.from(bytes).toString("base64url");

test("hex, base64 and base64url of the right length decode to the same bytes", () => {
  for (const text of [Buffer.from(bytes).toString("hex"), base64, base64url])
    expect(decodeStrictly(text, 32)).toEqual(bytes);
});

test("hex may be in capitals, and lines may be broken", () => {
  const hex = Buffer.from(bytes).toString("hex");
  const broken = (text: string, end: string) => text.replace(/.{20}/g, (line) => line + end);
  for (const text of [hex.toUpperCase(), broken(hex, "\n"), broken(base64, "\r\n"), `${broken(base64url, "\n")}\n`]) {
    expect(decodeStrictly(text, 32)).toEqual(bytes);
  }
});

test("a text that differs from its bytes encoded again is refused", () => {
  const refused = [
    ` ${base64}`,
    base64.replace("=", ""),
    `${base64url}=`,
    // Other bits after the last byte, which a lax decoder would decode to the same 32 bytes.
    `${base64.slice(0, -2)}J=`,
    `${base64.slice(0, 10)} ${base64.slice(10)}`,
    "",
    "zz".repeat(32),
  ];
  for (const text of refused) expect(decodeStrictly(text, 32)).toBeUndefined();
});

test("a text of another number of bytes is refused in every alphabet", () => {
  for (const encoding of ["hex", "base64", "base64url"] as const) {
    for (const length of [31, 33, 64]) {
      expect(decodeStrictly(Buffer.alloc(length, 7).toString(encoding), 32)).toBeUndefined();
    }
  }
});
