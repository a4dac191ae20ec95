import type { Tables } from "../db/database.ts";
import { keyIdOf } from "../signing/verify-archive.ts";

/** The longest part of a key ID in an address that a message repeats. */
export const KEY_ID_SHOWN_MAX_CHARS = 64;

/** A signing key of an account. */
export interface KeyView {
  readonly keyId: string;
  /** Lower-case hex. */
  readonly publicKey: string;
  readonly label: string;
  readonly createdAt: string;
  readonly retiredAt: string | null;
}

/** Converts a row to a signing key of the API. */
export function keyView(row: Tables["accountKeys"]["$inferSelect"]): KeyView {
  const { publicKey, label, createdAt, retiredAt } = row;
  return {
    keyId: keyIdOf(publicKey),
    publicKey,
    label,
    createdAt: createdAt.toISOString(),
    retiredAt: retiredAt?.toISOString() ?? null,
  };
}
