/**
 * Signs the list of checksums for two common verifiers with one Ed25519 key: `ssh-keygen -Y verify`
 * and `minisign`. OpenSSL verifies the second file too, because its signature covers the plain text.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

/** The namespace of the SSH signature: `ssh-keygen -Y verify -n cpm-registry`. */
const NAMESPACE = "cpm-registry";
const SSH_TYPE = "ssh-ed25519";
const KEY_BYTES = 32;

/** Signatures of a text, and the key that verifies them, as lines of the verifiers. */
export interface Signatures {
  /** Armoured, for `ssh-keygen -Y verify`. */
  readonly ssh: string;
  /** For `minisign -V`. */
  readonly minisign: string;
  /** `ssh-ed25519 AAAA…`. */
  readonly sshKey: string;
  /** One line of base64, for `minisign -P`. */
  readonly minisignKey: string;
}

/**
 * Reads an Ed25519 private key in PEM, as `openssl genpkey -algorithm ed25519` writes it. Throws
 * if it is anything else; the message has nothing of it.
 */
export function readReleaseKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // The reason could repeat parts of the key.
  }
  throw new Error("The release key is not an Ed25519 key in PEM. Make one: openssl genpkey -algorithm ed25519");
}

/**
 * Signs a text. `comment` is signed too and shown by minisign. The same text, comment and key give
 * the same signatures.
 */
export function signText(text: string, key: KeyObject, comment: string): Signatures {
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-KEY_BYTES);
  const sshBlob = Buffer.concat([sshString(SSH_TYPE), sshString(publicKey)]);
  return {
    ssh: sshSignature(text, key, sshBlob),
    minisign: minisignSignature(text, key, { id: minisignId(publicKey), comment }),
    sshKey: `${SSH_TYPE} ${sshBlob.toString("base64")}`,
    minisignKey: Buffer.concat([Buffer.from("Ed"), minisignId(publicKey), publicKey]).toString("base64"),
  };
}

/** OpenSSH's PROTOCOL.sshsig. */
function sshSignature(text: string, key: KeyObject, publicBlob: Buffer): string {
  const digest = createHash("sha512").update(text).digest();
  const about = [sshString(NAMESPACE), sshString(""), sshString("sha512")];
  const signed = Buffer.concat([Buffer.from("SSHSIG"), ...about, sshString(digest)]);
  const signature = Buffer.concat([sshString(SSH_TYPE), sshString(sign(null, signed, key))]);
  const version = Buffer.from([0, 0, 0, 1]);
  const blob = Buffer.concat([Buffer.from("SSHSIG"), version, sshString(publicBlob), ...about, sshString(signature)]);
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----", ""].join("\n");
}

function sshString(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** minisign has random ids. This one is derived, so that signing needs nothing but the key. */
function minisignId(publicKey: Uint8Array): Buffer {
  return createHash("sha256").update(publicKey).digest().subarray(0, 8);
}

/** minisign's format with `Ed`: the signature covers the text itself, and not its BLAKE2b digest. */
function minisignSignature(
  text: string,
  key: KeyObject,
  { id, comment }: { readonly id: Buffer; readonly comment: string },
): string {
  const signature = sign(null, Buffer.from(text), key);
  const global = sign(null, Buffer.concat([signature, Buffer.from(comment)]), key);
  return [
    "untrusted comment: signature of cpm-registry's release key",
    Buffer.concat([Buffer.from("Ed"), id, signature]).toString("base64"),
    `trusted comment: ${comment}`,
    global.toString("base64"),
    "",
  ].join("\n");
}
