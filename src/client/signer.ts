import { type KeyObject, sign } from "node:crypto";
import { keyIdOf } from "../signing/verify-archive.ts";
import { publicHexOf } from "./key-file.ts";

/** Signs with one Ed25519 key, wherever it is. */
export interface Signer {
  /** A name, a path or an agent, for people. */
  readonly name: string;
  /** 64 lower-case hex digits. */
  readonly publicKey: string;
  readonly keyId: string;
  /** Returns the signature in base64. */
  sign(message: string): Promise<string>;
}

/** Makes a signer of a private key in memory. */
export function signerOf(key: KeyObject, name: string): Signer {
  const publicKey = publicHexOf(key);
  return {
    name,
    publicKey,
    keyId: keyIdOf(publicKey),
    sign: async (message) => sign(null, Buffer.from(message), key).toString("base64"),
  };
}
