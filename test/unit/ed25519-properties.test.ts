import { expect, test } from "bun:test";
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { Point } from "@noble/ed25519";
import fc from "fast-check";
import { checkPublicKey, checkSignature } from "../../src/signing/ed25519.ts";
import { verifyStrictly } from "../support/strict.ts";

/*
 * Properties of `cpm-strict` over random keys and messages. ed25519.test.ts has the known edge
 * cases.
 */

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
/** The bytes before the 32 seed bytes in PKCS#8 of an Ed25519 key, RFC 8410 §7. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
/** A point of order 8. */
const TORSION = Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", false);
const PARTS = ["key", "message", "signature"] as const;

interface Signed {
  readonly key: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

function signedBy(seed: Uint8Array, message: Uint8Array): Signed {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  const key = createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(-32);
  return { key: new Uint8Array(key), message, signature: new Uint8Array(sign(null, message, secret)) };
}

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const signed = fc.tuple(seeds, fc.uint8Array({ minLength: 1, maxLength: 200 })).map((given) => signedBy(...given));

function holds({ key, message, signature }: Signed): boolean {
  return verifyStrictly(key, message, signature);
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice();
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

function scalarOf(signature: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`);
}

function withScalar(signature: Uint8Array, scalar: bigint): Uint8Array {
  const bytes = Buffer.from(scalar.toString(16).padStart(64, "0"), "hex").reverse();
  return new Uint8Array([...signature.subarray(0, 32), ...bytes]);
}

test("a signature is valid, and invalid with any bit of key, message or signature flipped", () => {
  fc.assert(
    fc.property(signed, fc.constantFrom(...PARTS), fc.nat(), (made, part, place) => {
      expect(holds(made)).toBe(true);
      const bit = place % (made[part].length * 8);
      expect(holds({ ...made, [part]: flipped(made[part], bit) })).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test("S plus any multiple of L that fits in 32 bytes is refused before the equation, which not every library refuses", () => {
  fc.assert(
    fc.property(signed, fc.bigInt({ min: 1n, max: 15n }), (made, times) => {
      const scalar = scalarOf(made.signature) + times * GROUP_ORDER;
      fc.pre(scalar < 2n ** 256n);
      expect(checkSignature(withScalar(made.signature, scalar))).toHaveProperty("refused");
    }),
  );
});

test("a key or R with a torsion component is refused", () => {
  const order = fc.integer({ min: 1, max: 7 });
  fc.assert(
    fc.property(signed, order, (made, times) => {
      const torsion = TORSION.multiply(BigInt(times), false);
      const shifted = (bytes: Uint8Array) => Point.fromBytes(bytes, false).add(torsion).toBytes();
      const signature = new Uint8Array([...shifted(made.signature.slice(0, 32)), ...made.signature.subarray(32)]);
      expect(holds({ ...made, signature })).toBe(false);
      expect(checkPublicKey(shifted(made.key))).toHaveProperty("refused");
    }),
  );
});

test("a signature is valid only under its own key and over its own message", () => {
  fc.assert(
    fc.property(signed, signed, (one, other) => {
      fc.pre(!Buffer.from(one.key).equals(other.key) && !Buffer.from(one.message).equals(other.message));
      for (const part of PARTS) expect(holds({ ...one, [part]: other[part] })).toBe(false);
    }),
  );
});

test("random bytes are refused as a signature", () => {
  const bytes = fc.uint8Array({ minLength: 64, maxLength: 64 });
  fc.assert(fc.property(signed, bytes, (made, signature) => !holds({ ...made, signature })));
});
