import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isTokenText, tokenTextOf } from "../../src/domain/token-text.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Made with Python's `zlib.crc32`. The checksum of the last one is padded. */
const VECTORS = [
  "cpm_0123456789ABCDEFGHIJKLMNOPQRST4PMbyp",
  "cpm_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz4IlJEz",
  "cpm_00000000000000000000000000040500azb7",
];

const randomBytes = fc.uint8Array({ minLength: 64, maxLength: 64 });

describe("a token's text", () => {
  test.each(VECTORS)("%s is made from its random characters and read back", (token) => {
    const bytes = Uint8Array.from(token.slice(4, 34), (character) => ALPHABET.indexOf(character));
    expect(tokenTextOf(bytes)).toBe(token);
    expect(isTokenText(token)).toBe(true);
  });

  test("is made from any 64 bytes of which enough are usable", () => {
    const usable = randomBytes.filter((bytes) => bytes.filter((byte) => byte < 248).length >= 30);
    fc.assert(fc.property(usable, (bytes) => isTokenText(tokenTextOf(bytes))));
  });

  test("skips bytes that would make some characters likelier", () => {
    const [token = ""] = VECTORS;
    const bytes = Array.from(token.slice(4, 34), (character) => ALPHABET.indexOf(character));
    expect(tokenTextOf(Uint8Array.from([248, 255, ...bytes.flatMap((byte) => [byte, 250])]))).toBe(token);
    expect(tokenTextOf(Uint8Array.from(bytes, (byte) => byte + 3 * 62))).toBe(token);
  });

  test("is not made from too few usable bytes", () => {
    expect(() => tokenTextOf(new Uint8Array(29))).toThrow("Too few");
    expect(() => tokenTextOf(new Uint8Array(64).fill(255, 29))).toThrow("Too few");
  });

  test("with any character changed is refused", () => {
    const at = fc.nat({ max: VECTORS.join("").length - 1 });
    const character = fc.oneof(fc.constantFrom(...ALPHABET), fc.string({ minLength: 1, maxLength: 1, unit: "binary" }));
    fc.assert(
      fc.property(at, character, (place, other) => {
        const token = VECTORS[Math.floor(place / 40)] ?? "";
        const changed = token.slice(0, place % 40) + other + token.slice((place % 40) + 1);
        fc.pre(changed !== token);
        expect(isTokenText(changed)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each(["", "cpm_", `${VECTORS[0]}\n`, ` ${VECTORS[0]}`, `${VECTORS[0]}0`, VECTORS[0]?.slice(0, -1)])(
    "with something added or cut is refused: %j",
    (text) => {
      expect(isTokenText(text ?? "")).toBe(false);
    },
  );
});
