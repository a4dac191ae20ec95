/* The statements about keys that people sign (docs/log-format.md). ASCII, LF, a final LF. */

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

/**
 * How long after its statement a reset takes effect. Until then owners and holders of old keys can
 * cancel it.
 */
export const RESET_DELAY_MS = 72 * 60 * 60_000;

/** How far the clocks of publishers, registry and verifiers may differ. */
export const CLOCK_DIFFERENCE_MAX_MS = 10 * 60_000;

/** The kinds of key changes. */
export const KEY_ACTIONS = ["add", "remove", "reset", "cancel", "uphold"] as const;

/**
 * What a change of a package's keys does. After `uphold`, which an administrator makes, keys can no
 * longer cancel the pending reset.
 */
export type KeyAction = (typeof KEY_ACTIONS)[number];

/** The reasons of a removal. `KeyRemovalReason` says what each means. */
export const REMOVAL_REASONS = ["superseded", "compromised"] as const;

/**
 * Why a key was removed. After `superseded`, everything that it signed stays valid. After
 * `compromised`, versions from `since` on are not trusted.
 */
export interface KeyRemovalReason {
  readonly reason: (typeof REMOVAL_REASONS)[number];
  /**
   * With `compromised`: the first version that is not trusted. `null` means every version of this
   * key.
   */
  readonly since: string | null;
}

/** One change of the keys of a package. */
export interface KeyChange {
  readonly name: string;
  readonly action: KeyAction;
  /**
   * Lower-case hex of the key that is added or removed, or that a reset puts in place of the
   * others.
   */
  readonly publicKey: string;
  /** Lower-case hex: SHA-256 of the package's last key leaf, or of its first version's leaf. */
  readonly previous: string;
  /** When it was signed. Whole seconds count. */
  readonly at: Date;
  /** Present for `remove` only. */
  readonly removal?: KeyRemovalReason;
}

/** Writes a time as statements and leaves have it: RFC 3339, UTC, whole seconds. */
export function secondsText(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

/**
 * Returns what is signed for a change. Each line narrows what the signature is good for: `registry`
 * (the log's origin) prevents a replay on another registry, `previous` a second use on this one,
 * and `reason` and `since` the use for another purpose.
 */
export function keyChangeStatement(registry: string, change: KeyChange): string {
  const { name, action, publicKey, previous, at, removal } = change;
  return [
    "cpm-key-change/v2\n",
    `registry: ${registry}\n`,
    `name: ${name}\n`,
    `action: ${action}\n`,
    `key: ${publicKey}\n`,
    `previous: ${previous}\n`,
    `at: ${secondsText(at)}\n`,
    ...(removal === undefined ? [] : [`reason: ${removal.reason}\n`, `since: ${removal.since ?? "-"}\n`]),
  ].join("");
}
