/*
 * The statements about keys that are signed (trust.md §3), and their leaves in the log (§4). ASCII,
 * LF, a final LF.
 */

/**
 * Returns the statement that a key signs to be registered. It is valid for one registry and one
 * account, once.
 */
export function registrationStatement(about: {
  /** Scheme, host and port of the registry's public address. */
  readonly registry: string;
  readonly username: string;
  readonly publicKey: string;
  readonly nonce: string;
}): string {
  const { registry, username, publicKey, nonce } = about;
  return `cpm-key-registration/v1\nregistry: ${registry}\nuser: ${username}\nkey: ${publicKey}\nnonce: ${nonce}\n`;
}

/** The kinds of key changes. */
export const KEY_ACTIONS = ["add", "remove", "reset", "cancel"] as const;
export type KeyAction = (typeof KEY_ACTIONS)[number];

/** One change of the keys of a package. */
export interface KeyChange {
  readonly name: string;
  readonly action: KeyAction;
  /**
   * Lower-case hex of the key that is added or removed, or that a reset puts in place of the
   * others.
   */
  readonly publicKey: string;
}

/** The `previous` of a package's first key change. */
export const NO_LEAF = "0".repeat(64);

/**
 * Returns the statement that is signed for a change. `previous` is the SHA-256 of the package's
 * last key leaf, so that each statement is valid once.
 */
export function keyChangeStatement({ name, action, publicKey }: KeyChange, previous: string): string {
  return `cpm-key-change/v1\nname: ${name}\n${action}: ${publicKey}\nprevious: ${previous}\n`;
}

/**
 * Returns the leaf of a change. `by` is a user name, `proof` the keys and signatures in base64. At
 * most 1,024 bytes.
 */
export function keyLeaf(
  { name, action, publicKey }: KeyChange,
  seq: number,
  by: string | null,
  proof: string | null,
): string {
  return `cpm.key/v1 ${name} ${seq} ${action} ${publicKey}\nby ${by ?? "-"}\nproof ${proof ?? "-"}\n`;
}
