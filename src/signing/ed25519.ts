import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { promisify } from "node:util";
import { Point } from "@noble/ed25519";

/*
 * The policy `cpm-strict`: a signature is valid only if every careful Ed25519 library accepts it.
 * Libraries differ on small-order and mixed-order points and on non-canonical encodings ("Taming
 * the many EdDSAs", Chalkias et al. 2020). This policy refuses all of these before it checks the
 * equation.
 */

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** The order L of the prime subgroup, RFC 8032 §5.1. */
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
/** SubjectPublicKeyInfo of an Ed25519 key up to the 32 key bytes, RFC 8410 §4. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const CACHED_KEYS_MAX = 10_000;
/** Far cheaper to keep than a key that is ready for verifying. */
const CHECKED_KEYS_MAX = 200_000;

declare const isPublicKey: unique symbol;

/**
 * 32 bytes that encode a canonical, torsion-free point of the Ed25519 group which is not of small
 * order.
 */
export type PublicKey = Uint8Array & { readonly [isPublicKey]: true };

/** The reason why bytes are no key or signature of `cpm-strict`, worded for the publisher. */
export interface Refusal {
  readonly refused: string;
}

/** Keys that are ready for verifying, by their bytes in latin1. */
const keyObjects = new Map<string, KeyObject>();
/** The bytes in latin1 of checked keys. The torsion check is slow, and its result never changes. */
const checkedKeys = new Set<string>();

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function keyObject(bytes: Uint8Array): KeyObject {
  const cacheKey = latin1(bytes);
  const known = keyObjects.get(cacheKey);
  if (known !== undefined) return known;
  const der = Buffer.concat([SPKI_PREFIX, bytes]);
  const made = createPublicKey({ key: der, format: "der", type: "spki" });
  makeRoom(keyObjects, CACHED_KEYS_MAX);
  keyObjects.set(cacheKey, made);
  return made;
}

/** Forgets the oldest of too many cached keys. */
function makeRoom(cached: Map<string, unknown> | Set<string>, max: number): void {
  if (cached.size < max) return;
  const oldest = cached.keys().next();
  if (!oldest.done) cached.delete(oldest.value);
}

/** Returns whether this process has checked the key and still caches it. */
export function isCachedKey(bytes: Uint8Array): boolean {
  return checkedKeys.has(latin1(bytes));
}

/**
 * Caches a key that was checked before, by another process or long ago. Never call it with an
 * unchecked key.
 */
export function cacheCheckedKey(bytes: Uint8Array): void {
  makeRoom(checkedKeys, CHECKED_KEYS_MAX);
  checkedKeys.add(latin1(bytes));
}

/**
 * Decodes a point canonically (RFC 8032 §5.1.3, y < p, no "negative zero"). Returns undefined for
 * other bytes and for a point of small order.
 */
function decodePoint(bytes: Uint8Array): Point | undefined {
  try {
    const point = Point.fromBytes(bytes, false);
    // noble accepts x = 0 with the sign bit set. Encoding the point again reveals it.
    if (!Buffer.from(point.toBytes()).equals(bytes)) return undefined;
    return point.isSmallOrder() ? undefined : point;
  } catch {
    // noble throws for bytes that are not on the curve, which is an expected result for bytes from
    // outside.
    return undefined;
  }
}

/**
 * Checks a key by rules 1, 2 and 4 of `cpm-strict`: length, canonical and not of small order,
 * torsion-free.
 */
export function checkPublicKey(bytes: Uint8Array): PublicKey | Refusal {
  if (bytes.length !== KEY_BYTES) return { refused: `a key has ${KEY_BYTES} bytes, this one ${bytes.length}` };
  if (isCachedKey(bytes)) return bytes as PublicKey;
  const point = decodePoint(bytes);
  if (point === undefined) return { refused: "the key is not a canonical Ed25519 point, or one of small order" };
  if (!point.isTorsionFree()) return { refused: "the key is not in the prime-order subgroup" };
  cacheCheckedKey(bytes);
  return bytes as PublicKey;
}

/** Reads the scalar S of a signature, little-endian (RFC 8032 §5.1.6). */
function scalarOf(signature: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(signature.subarray(KEY_BYTES)).reverse().toString("hex")}`);
}

/**
 * Checks a signature by rules 1 to 3 of `cpm-strict`: length, R canonical and not of small order, S
 * < L.
 */
export function checkSignature(signature: Uint8Array): Refusal | undefined {
  if (signature.length !== SIGNATURE_BYTES) {
    return { refused: `a signature has ${SIGNATURE_BYTES} bytes, this one ${signature.length}` };
  }
  if (scalarOf(signature) >= GROUP_ORDER) return { refused: "the signature's S is not below the group order" };
  if (decodePoint(signature.subarray(0, KEY_BYTES)) === undefined) {
    return { refused: "the signature's R is not a canonical Ed25519 point, or one of small order" };
  }
  return undefined;
}

/**
 * Checks the signature equation by OpenSSL's rules (`node:crypto`). Call it after both checks
 * above.
 */
export function equationHolds(key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, message, keyObject(key), signature);
}

const verifyAsync = promisify<null, Uint8Array, KeyObject, Uint8Array, boolean>(verify);

/** Like `equationHolds`, but on the thread pool, so that many signatures use every core. */
export function equationHoldsAsync(key: PublicKey, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return verifyAsync(null, message, keyObject(key), signature);
}

/**
 * The encodings of the eight points of small order, which are the multiples of a point of order 8
 * (Chalkias et al., table 1).
 */
const smallOrder = multiplesOf(Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), 8);

function multiplesOf(point: Point, count: number): ReadonlySet<string> {
  const encoded = new Set<string>();
  let multiple = Point.ZERO;
  for (let at = 0; at < count; at += 1) {
    encoded.add(multiple.toHex());
    multiple = multiple.add(point);
  }
  return encoded;
}

/**
 * Returns whether a signature's R is of small order. Together with `equationHolds` it replaces the
 * much slower `checkSignature`: OpenSSL's rules compare R with a canonical encoding and refuse an S
 * that is not below the group order.
 */
export function hasSmallOrder(signature: Uint8Array): boolean {
  return smallOrder.has(Buffer.from(signature.subarray(0, KEY_BYTES)).toString("hex"));
}
