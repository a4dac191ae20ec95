import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { decodeBase64 } from "./encoding.ts";

/*
 * Signed notes and keys of c2sp.org/signed-note, and the Ed25519 cosignatures of
 * c2sp.org/tlog-cosignature.
 */

/** The signature type of a log: Ed25519 over the text of the note. */
export const ED25519 = 0x01;
/** The signature type of a witness: Ed25519 over the text and the time of the cosignature. */
export const COSIGNATURE = 0x04;
const KEY_TYPES = [ED25519, COSIGNATURE] as const;

/** The signature type of a key, the byte that precedes its public key. */
export type KeyType = (typeof KEY_TYPES)[number];

const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const NOTE_MAX_BYTES = 64 * 1024;
const SIGNATURES_MAX = 100;
const PRIVATE_KEY = "PRIVATE+KEY+";
/**
 * The bytes before the 32 key bytes in SubjectPublicKeyInfo and PKCS#8 of an Ed25519 key, RFC 8410
 * §4 and §7.
 */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
/** All characters except the ASCII control characters, of which only the line end is allowed. */
const NOTE_CHARACTERS = /^[\n -\u{10ffff}]*$/u;
const KEY_NAME = /^[^\p{White_Space}+]+$/u;
const KEY = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/;
const SIGNATURE_LINE = /^— ([^ ]+) ([^ ]+)$/;

/** A key that verifies notes. */
export interface VerifierKey {
  readonly name: string;
  /** 8 lower-case hex characters. */
  readonly keyId: string;
  readonly type: KeyType;
  readonly publicKey: Buffer;
}

/**
 * A key that signs notes. The secret is an opaque object, so that printing the key does not reveal
 * it.
 */
export interface SignerKey extends VerifierKey {
  readonly secret: KeyObject;
}

/** A signature of a note. Its key may be unknown. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Buffer;
}

/** A parsed note. */
export interface Note {
  /** The text with its last line end, without the empty line. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** The text of a note that known keys signed. */
export interface VerifiedNote {
  readonly text: string;
  /** The known keys that signed, each once. */
  readonly signed: readonly VerifierKey[];
}

/**
 * Parses a verifier key, `name+hash+base64`. Returns undefined if it is malformed, of another type,
 * or has a wrong hash.
 */
export function parseVerifierKey(text: string): VerifierKey | undefined {
  const parts = keyParts(text);
  return parts && checkedKey(parts.name, parts.keyId, parts.type, parts.bytes);
}

/** Formats a verifier key as `name+hash+base64`. */
export function formatVerifierKey({ name, keyId, type, publicKey }: VerifierKey): string {
  return `${name}+${keyId}+${Buffer.concat([Buffer.of(type), publicKey]).toString("base64")}`;
}

/**
 * Parses a signer key, `PRIVATE+KEY+name+hash+base64`. Returns undefined for the same reasons as
 * `parseVerifierKey`.
 */
export function parseSignerKey(text: string): SignerKey | undefined {
  const parts = text.startsWith(PRIVATE_KEY) ? keyParts(text.slice(PRIVATE_KEY.length)) : undefined;
  if (parts === undefined) return undefined;
  const secret = secretOf(parts.bytes);
  const key = checkedKey(parts.name, parts.keyId, parts.type, publicKeyOf(secret));
  return key && { ...key, secret };
}

/**
 * Formats the signer key of a seed of 32 random bytes. Throws RangeError for a malformed name or
 * seed.
 */
export function formatSignerKey(name: string, seed: Uint8Array, type: KeyType = ED25519): string {
  if (!isKeyName(name)) throw new RangeError("a key's name has neither spaces nor a plus");
  if (seed.length !== KEY_BYTES) throw new RangeError(`a seed has ${KEY_BYTES} bytes, this one ${seed.length}`);
  const keyId = noteKeyId(name, type, publicKeyOf(secretOf(seed)));
  return `${PRIVATE_KEY}${name}+${keyId}+${Buffer.concat([Buffer.of(type), seed]).toString("base64")}`;
}

/** Returns the public part of a signer key. */
export function verifierOf({ name, keyId, type, publicKey }: SignerKey): VerifierKey {
  return { name, keyId, type, publicKey };
}

/**
 * Signs a text and returns the whole note. Throws RangeError for a text that a note cannot have.
 */
export function signNote(text: string, signer: SignerKey): string {
  return `${text}\n${signatureLine(text, signer)}`;
}

/**
 * Returns the line that signs a text, with its line end, to append to a note. Keys of witnesses
 * sign with `cosign`.
 */
export function signatureLine(text: string, signer: SignerKey): string {
  if (signer.type !== ED25519) throw new RangeError(`the key ${signer.name} signs cosignatures only`);
  return lineOf(signer, sign(null, textBytes(text), signer.secret));
}

/**
 * Returns the line that cosigns a text seen at a time in seconds since 1970. `cosign` accepts
 * checkpoints only.
 */
export function cosignatureLine(text: string, signer: SignerKey, seconds: number): string {
  if (signer.type !== COSIGNATURE) throw new RangeError(`the key ${signer.name} does not sign cosignatures`);
  const timestamp = Buffer.alloc(8);
  timestamp.writeBigUInt64BE(BigInt(seconds));
  const signature = sign(null, cosignedMessage(textBytes(text), timestamp), signer.secret);
  return lineOf(signer, Buffer.concat([timestamp, signature]));
}

/**
 * Parses a note, which ends with signatures after its last empty line. Returns undefined if
 * anything about it violates the specification, or if the bytes are no UTF-8.
 */
export function parseNote(noteOrBytes: string | Uint8Array): Note | undefined {
  if (noteOrBytes.length > NOTE_MAX_BYTES) return undefined;
  const note = typeof noteOrBytes === "string" ? noteOrBytes : utf8(noteOrBytes);
  if (note === undefined) return undefined;
  if (Buffer.byteLength(note) > NOTE_MAX_BYTES || !isNoteText(note)) return undefined;
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n")) return undefined;
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) return undefined;
  const signatures = lines.map(parseSignatureLine).filter((signature) => signature !== undefined);
  return signatures.length === lines.length ? { text: note.slice(0, split + 1), signatures } : undefined;
}

/**
 * Returns the text of a note if at least one of the keys signed it. Returns undefined if none did,
 * or if any signature of a known key is wrong. Signatures of unknown keys are ignored.
 */
export function verifyNote(note: string | Uint8Array, keys: readonly VerifierKey[]): VerifiedNote | undefined {
  const parsed = parseNote(note);
  if (parsed === undefined) return undefined;
  const text = Buffer.from(parsed.text);
  const signed = new Set<VerifierKey>();
  for (const { name, keyId, signature } of parsed.signatures) {
    const key = keys.find((known) => known.name === name && known.keyId === keyId);
    if (key === undefined) continue;
    if (!holds(key, text, signature)) return undefined;
    signed.add(key);
  }
  return signed.size > 0 ? { text: parsed.text, signed: [...signed] } : undefined;
}

function keyParts(text: string) {
  const [, name = "", keyId = "", encoded = ""] = KEY.exec(text) ?? [];
  const bytes = decodeBase64(encoded);
  if (!isKeyName(name) || bytes?.length !== 1 + KEY_BYTES) return undefined;
  const type = KEY_TYPES.find((known) => known === bytes[0]);
  return type === undefined ? undefined : { name, keyId, type, bytes: bytes.subarray(1) };
}

function checkedKey(name: string, keyId: string, type: KeyType, publicKey: Buffer): VerifierKey | undefined {
  return noteKeyId(name, type, publicKey) === keyId ? { name, keyId, type, publicKey } : undefined;
}

function noteKeyId(name: string, type: KeyType, publicKey: Uint8Array): string {
  const named = createHash("sha256").update(`${name}\n`).update(Buffer.of(type)).update(publicKey);
  return named.digest("hex").slice(0, 2 * KEY_ID_BYTES);
}

function utf8(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

/**
 * Returns whether a text has only allowed characters. A lone surrogate has no UTF-8: other
 * characters would be signed.
 */
function isNoteText(text: string): boolean {
  return NOTE_CHARACTERS.test(text) && text.isWellFormed();
}

/** Returns whether a text can name a key. */
export function isKeyName(name: string): boolean {
  return KEY_NAME.test(name) && isNoteText(name);
}

function secretOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
}

function publicKeyOf(secret: KeyObject): Buffer {
  return createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(-KEY_BYTES);
}

function textBytes(text: string): Buffer {
  if (!text.endsWith("\n") || !isNoteText(text))
    throw new RangeError("the text of a note consists of lines, each with its line end");
  return Buffer.from(text);
}

function lineOf({ name, keyId }: VerifierKey, signature: Uint8Array): string {
  return `— ${name} ${Buffer.concat([Buffer.from(keyId, "hex"), signature]).toString("base64")}\n`;
}

function parseSignatureLine(line: string): NoteSignature | undefined {
  const [, name = "", encoded = ""] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = decodeBase64(encoded);
  if (!isKeyName(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES) return undefined;
  return { name, keyId: bytes.toString("hex", 0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) };
}

function cosignedMessage(text: Buffer, timestamp: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`cosignature/v1\ntime ${timestamp.readBigUInt64BE()}\n`), text]);
}

function holds({ type, publicKey }: VerifierKey, text: Buffer, signature: Buffer): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" });
  if (type === ED25519) return verify(null, text, key, signature);
  const timestamp = signature.subarray(0, 8);
  // The specification limits times to below 2^63, so the first bit is never set.
  if (timestamp.length < 8 || (timestamp[0] ?? 0) > 0x7f) return false;
  return verify(null, cosignedMessage(text, timestamp), key, signature.subarray(8));
}
