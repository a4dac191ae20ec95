import {
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  pbkdf2Sync,
  randomBytes,
} from "node:crypto";

/** PKCS#8 of an Ed25519 key up to its 32 secret bytes (RFC 8410). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const SEED_BYTES = 32;
/** As OWASP recommends for PBKDF2 with HMAC-SHA-256. */
const ROUNDS = 600_000;
const SALT_BYTES = 16;
const IV_BYTES = 16;
const AES_KEY_BYTES = 32;

const OID = {
  pbes2: "2a864886f70d01050d",
  pbkdf2: "2a864886f70d01050c",
  hmacWithSha256: "2a864886f70d0209",
  aes256Cbc: "60864801650304012a",
};

/** What the text of a key file is. */
export type KeyText = "plain" | "encrypted" | "hex" | "unknown";

/**
 * Tells the forms of private keys apart: PEM as `openssl` writes it, or hex as the Go client does.
 */
export function keyTextOf(text: string): KeyText {
  if (text.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----")) return "encrypted";
  if (text.includes("-----BEGIN PRIVATE KEY-----")) return "plain";
  return /^\s*(?:[0-9a-f]{64}|[0-9a-f]{128})\s*$/i.test(text) ? "hex" : "unknown";
}

/** Reads a private key. Returns undefined for a wrong passphrase, and for a key of another kind. */
export function readPrivateKey(text: string, passphrase?: string): KeyObject | undefined {
  try {
    const key =
      keyTextOf(text) === "hex" ? keyOfHex(text.trim()) : createPrivateKey({ key: text, format: "pem", passphrase });
    return key?.asymmetricKeyType === "ed25519" ? key : undefined;
  } catch {
    return undefined;
  }
}

/** 64 bytes are the secret and the public half, which must belong together. */
function keyOfHex(hex: string): KeyObject | undefined {
  const bytes = Buffer.from(hex, "hex");
  const der = Buffer.concat([PKCS8_PREFIX, bytes.subarray(0, SEED_BYTES)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const given = bytes.subarray(SEED_BYTES).toString("hex");
  return given === "" || given === publicHexOf(key) ? key : undefined;
}

/** The public half of a key as 64 lower-case hex digits. */
export function publicHexOf(key: KeyObject): string {
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  return der.subarray(-SEED_BYTES).toString("hex");
}

/**
 * Writes a key as PEM that `openssl` reads. With a passphrase, it is encrypted (PBES2, RFC 8018).
 */
export function privateKeyPem(key: KeyObject, passphrase: string): string {
  const plain = key.export({ format: "der", type: "pkcs8" });
  if (passphrase === "") return pem("PRIVATE KEY", plain);
  const [salt, iv] = [randomBytes(SALT_BYTES), randomBytes(IV_BYTES)];
  const cipher = createCipheriv("aes-256-cbc", pbkdf2Sync(passphrase, salt, ROUNDS, AES_KEY_BYTES, "sha256"), iv);
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  const rounds = der(0x02, Buffer.from(ROUNDS.toString(16).padStart(6, "0"), "hex"));
  const derivation = der(
    0x30,
    oid(OID.pbkdf2),
    der(0x30, der(0x04, salt), rounds, der(0x30, oid(OID.hmacWithSha256), der(0x05))),
  );
  const encryption = der(0x30, oid(OID.aes256Cbc), der(0x04, iv));
  const scheme = der(0x30, oid(OID.pbes2), der(0x30, derivation, encryption));
  return pem("ENCRYPTED PRIVATE KEY", der(0x30, scheme, der(0x04, encrypted)));
}

/** One value in DER (X.690). No value here is longer than 65,535 bytes. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
