import { describe, expect, test } from "bun:test";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { Point, utils } from "@noble/ed25519";
import { checkPublicKey, checkSignature, equationHolds, hasSmallOrder } from "../../src/signing/ed25519.ts";
import { verifyAside, verifyStrictly } from "../support/strict.ts";
import rfc8032 from "../vectors/rfc8032.json";

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

/** Points of order 1, 2, 4 and 8 in their canonical encodings. */
const SMALL_ORDER = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

/** Encodings with y ≥ p, and "negative zero", of points that also have a canonical encoding. */
const NON_CANONICAL = [
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

function signedByNewKey(message: Uint8Array) {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const key = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
  return { key, signature: new Uint8Array(sign(null, message, privateKey)) };
}

function littleEndian(value: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse());
}

describe("cpm-strict", () => {
  test("cpm-strict accepts the signatures of RFC 8032 §7.1", () => {
    expect(rfc8032).toHaveLength(5);
    for (const { key, message, signature } of rfc8032) {
      expect(verifyStrictly(hex(key), hex(message), hex(signature))).toBe(true);
    }
  });

  test("cpm-strict refuses the signatures of RFC 8032 with any one bit of key, message or signature changed", () => {
    const message = new TextEncoder().encode("one bit");
    const { key, signature } = signedByNewKey(message);
    const parts = { key, message, signature };
    expect(verifyStrictly(key, message, signature)).toBe(true);
    for (const part of ["key", "message", "signature"] as const) {
      for (let bit = 0; bit < parts[part].length * 8; bit += 7) {
        const changed = { ...parts, [part]: parts[part].slice() };
        changed[part][bit >> 3] = (changed[part][bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verifyStrictly(changed.key, changed.message, changed.signature)).toBe(false);
      }
    }
  });

  test("cpm-strict refuses keys and signatures of another length", () => {
    const message = new Uint8Array(1);
    const { key, signature } = signedByNewKey(message);
    for (const length of [0, 31, 33, 64]) expect(checkPublicKey(new Uint8Array(length))).toHaveProperty("refused");
    for (const length of [0, 63, 65, 128]) expect(checkSignature(new Uint8Array(length))).toHaveProperty("refused");
    expect(verifyStrictly(key, message, new Uint8Array([...signature, 0]))).toBe(false);
  });

  test("cpm-strict refuses small-order and non-canonical keys", () => {
    for (const key of [...SMALL_ORDER, ...NON_CANONICAL]) expect(checkPublicKey(hex(key))).toHaveProperty("refused");
  });

  test("cpm-strict refuses small-order and non-canonical R", () => {
    const { signature } = signedByNewKey(new Uint8Array(1));
    for (const r of [...SMALL_ORDER, ...NON_CANONICAL]) {
      expect(checkSignature(new Uint8Array([...hex(r), ...signature.subarray(32)]))).toHaveProperty("refused");
    }
  });

  test("cpm-strict refuses a small-order R whose equation holds, as an audit does", async () => {
    const seed = new Uint8Array(32).fill(7);
    const { scalar, pointBytes: key } = await utils.getExtendedPublicKeyAsync(seed);
    const [r, message] = [hex(SMALL_ORDER[0] ?? ""), new TextEncoder().encode("R = 0")];
    const digest = createHash("sha512").update(r).update(key).update(message).digest();
    const h = BigInt(`0x${digest.reverse().toString("hex")}`) % GROUP_ORDER;
    const signature = new Uint8Array([...r, ...littleEndian((h * scalar) % GROUP_ORDER)]);
    const checked = checkPublicKey(key);
    expect("refused" in checked || equationHolds(checked, message, signature)).toBe(true);
    expect([verifyStrictly(key, message, signature), await verifyAside(key, message, signature)]).toEqual([
      false,
      false,
    ]);
    expect(SMALL_ORDER.filter((point) => !hasSmallOrder(hex(point + point)))).toEqual([]);
    expect(hasSmallOrder(signedByNewKey(message).signature)).toBe(false);
  });

  test("cpm-strict refuses an S that is not below the group order, even if the equation would hold", () => {
    const message = new TextEncoder().encode("malleable");
    const { key, signature } = signedByNewKey(message);
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`);
    const malleated = new Uint8Array([...signature.subarray(0, 32), ...littleEndian(s + GROUP_ORDER)]);
    expect(checkSignature(malleated)).toEqual({ refused: "the signature's S is not below the group order" });
    expect(verifyStrictly(key, message, malleated)).toBe(false);
  });

  test("cpm-strict refuses a key with a torsion component", () => {
    const { key } = signedByNewKey(new Uint8Array(1));
    const mixed = Point.fromBytes(key, false).add(Point.fromHex(SMALL_ORDER[4] ?? "", false));
    expect(checkPublicKey(mixed.toBytes())).toEqual({ refused: "the key is not in the prime-order subgroup" });
    // The second call must not return a cached acceptance.
    expect(checkPublicKey(mixed.toBytes())).toHaveProperty("refused");
  });

  test("cpm-strict refuses bytes that encode no point of the curve", () => {
    expect(checkPublicKey(hex("0200000000000000000000000000000000000000000000000000000000000000"))).toHaveProperty(
      "refused",
    );
  });
});
