import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { JwtKeys } from "../config/jwt-key.ts";
import type { Secret } from "../config/secret.ts";

/*
 * Secrets must be readable to sign, so they cannot be stored as digests. They are encrypted with a
 * key derived from JWT_KEY, which is not in the database: a copy of the database alone signs
 * nothing. While that key is another one, deliveries fail, and at last the webhook is disabled.
 */

const ALGORITHM = "aes-256-gcm";
const SECRET_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const PREFIX = "whsec_";

type Keys = Secret<JwtKeys>;

function sealingKey(jwtKey: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", jwtKey, "", "cpm-registry webhook secrets", 32));
}

/** Makes the secret of a webhook, in the form of Standard Webhooks: `whsec_` and 32 bytes in Base64. */
export function newSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString("base64");
}

/** Encrypts the secret of a webhook for its row. It can be opened for the same webhook only. */
export function sealSecret(jwtKeys: Keys, webhookId: string, secret: string): string {
  const [key] = jwtKeys.reveal();
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, sealingKey(key), iv).setAAD(Buffer.from(webhookId));
  const sealed = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return Buffer.concat([iv, sealed, cipher.getAuthTag()]).toString("base64");
}

function openWith(jwtKey: string, webhookId: string, sealed: Uint8Array): string | undefined {
  try {
    const decipher = createDecipheriv(ALGORITHM, sealingKey(jwtKey), sealed.subarray(0, IV_BYTES))
      .setAAD(Buffer.from(webhookId))
      .setAuthTag(sealed.subarray(-TAG_BYTES));
    const text = decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}

/** The secret of a webhook, and whether the present key opened it, and not the one before. */
export interface OpenedSecret {
  readonly secret: string;
  readonly isCurrent: boolean;
}

/**
 * Opens what `sealSecret` returned, with the present or the previous key. Undefined if both are
 * others, or the text was changed.
 */
export function openSecret(jwtKeys: Keys, webhookId: string, sealed: string): OpenedSecret | undefined {
  const bytes = Buffer.from(sealed, "base64");
  if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
  for (const [at, key] of jwtKeys.reveal().entries()) {
    const secret = openWith(key, webhookId, bytes);
    if (secret !== undefined) return { secret, isCurrent: at === 0 };
  }
  return undefined;
}

/** A message as it is sent. */
export interface Message {
  /** The same for every attempt, so that receivers can leave out what they have. */
  readonly id: string;
  readonly body: string;
}

/** Returns the headers by which a receiver verifies a message (Standard Webhooks 1.0). */
export function signatureHeaders(secret: string, { id, body }: Message, now: Date): Record<string, string> {
  const timestamp = Math.floor(now.getTime() / 1_000);
  const key = Buffer.from(secret.slice(PREFIX.length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${signature}`,
  };
}
