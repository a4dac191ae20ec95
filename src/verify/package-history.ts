import { createHash } from "node:crypto";
import { checkPublicKey, equationHolds, hasSmallOrder } from "../signing/ed25519.ts";
import { type KeyRemovalReason, keyChangeStatement, RESET_DELAY_MS } from "../signing/key-statements.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { type KeyEntry, keyText } from "../tlog/key-leaf.ts";
import { type VersionEntry, versionText } from "../tlog/leaf.ts";
import type { ProblemCode } from "./checks.ts";

/*
 * Who may sign a package, replayed from the log alone (docs/log-format.md). Nothing the registry
 * says elsewhere counts: a key that stands only in its database signs nothing here.
 */

/**
 * As many as a registry allows. It bounds the signatures that one leaf of a hostile log makes us
 * check.
 */
const ACTIVE_KEYS_MAX = 20;

interface PendingReset {
  readonly publicKey: string;
  readonly atMs: number;
  upheld: boolean;
}

/**
 * Who may sign one package, up to a leaf of the log. Plain data: an audit keeps it for its next
 * run.
 */
export interface PackageHistory {
  readonly name: string;
  /** Lower-case hex of the keys that may sign. */
  active: readonly string[];
  /**
   * Keys that were removed as compromised, and a version since which each is not trusted. A key may
   * be here twice: a later removal cannot give back what an earlier one took.
   */
  compromised: readonly { readonly publicKey: string; readonly since: string | null }[];
  /** The number of the last key leaf. */
  seq: number;
  /** Lower-case hex: SHA-256 of the last key leaf, or of the first version's leaf. */
  previous: string;
  reset?: PendingReset;
}

/** Why a leaf does not follow from those before it. */
export interface HistoryFault {
  readonly code: ProblemCode;
  readonly detail: string;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Copies a word of a leaf. Without the copy, the word would keep the whole leaf in memory. */
export function detached(word: string): string {
  return Buffer.from(word, "latin1").toString("latin1");
}

/** Begins the history of a package with its first version, and pins the key that signed it. */
export function beginHistory(entry: VersionEntry): PackageHistory {
  const { name, publicKey } = entry;
  const previous = sha256(versionText(entry));
  return { name: detached(name), active: [detached(publicKey)], compromised: [], seq: 0, previous };
}

/** Puts the key of a reset in place of the others once its time has come, as the registry does. */
function applyDueReset(history: PackageHistory, nowMs: number): void {
  const { reset } = history;
  if (reset === undefined || nowMs < reset.atMs + RESET_DELAY_MS) return;
  history.active = [reset.publicKey];
  delete history.reset;
}

/**
 * Takes a later version of the package. Returns a fault unless its key may sign at this point of
 * the log.
 */
export function replayVersion(history: PackageHistory, entry: VersionEntry): HistoryFault | undefined {
  applyDueReset(history, entry.publishedAt.getTime());
  const named = `${entry.name} ${entry.version}`;
  if (entry.name !== history.name) {
    return { code: "name_differs", detail: `${named}: the package was first logged as ${history.name}` };
  }
  if (history.active.includes(entry.publicKey)) return undefined;
  const early = history.reset?.publicKey === entry.publicKey ? "; its reset is not 72 hours old" : "";
  const detail = `${named}: no leaf of the log lets the key ${keyIdOf(entry.publicKey)} sign it${early}`;
  return { code: "signer_not_trusted", detail };
}

/**
 * Takes a key change of the package. Returns a fault unless keys that may sign, or the rules for
 * resets, allow it. A change with a fault changes nothing but the numbering, so that one forged
 * leaf is one problem.
 */
export function replayKeyChange(history: PackageHistory, registry: string, entry: KeyEntry): HistoryFault | undefined {
  const detailOf = (why: string) =>
    `${history.name}: key change ${entry.seq} (${entry.action} ${entry.publicKey}): ${why}`;
  const expected = history.seq + 1;
  const expectedPrevious = history.previous;
  history.seq = entry.seq;
  history.previous = sha256(keyText(entry));
  if (entry.seq !== expected) {
    return { code: "sequence_gap", detail: detailOf(`number ${expected} was expected`) };
  }
  if (entry.previous !== expectedPrevious) {
    return { code: "history_broken", detail: detailOf("it does not continue the package's last key leaf") };
  }
  if (entry.name !== history.name) return { code: "name_differs", detail: detailOf(`it names ${entry.name}`) };
  applyDueReset(history, entry.at.getTime());
  const why = refusalOf(history, registry, entry);
  if (why !== undefined) return { code: "key_change_invalid", detail: detailOf(why) };
  apply(history, entry);
  return undefined;
}

/** Returns why the keys before a change do not allow it. Undefined if they do. */
function refusalOf(history: PackageHistory, registry: string, entry: KeyEntry): string | undefined {
  const { active, compromised, reset } = history;
  const { action, publicKey, by } = entry;
  const statement = Buffer.from(keyChangeStatement(registry, entry), "utf8");
  const [first, second, ...more] = entry.signatures;
  if (more.length > 0) return "it has too many signatures";
  const isSigned = (keys: readonly string[], signature: string | undefined) =>
    signature !== undefined && keys.some((key) => holds(key, statement, signature));
  const isCompromised = compromised.some((key) => key.publicKey === publicKey);
  const notSigned = "no key that may sign the package signed it";
  switch (action) {
    case "add":
      if (active.includes(publicKey)) return "the key may sign already";
      if (isCompromised) return "the key is compromised";
      if (active.length >= ACTIVE_KEYS_MAX) return `${ACTIVE_KEYS_MAX} keys may sign already`;
      if (!isSigned(active, first)) return notSigned;
      return isSigned([publicKey], second) ? undefined : "the new key did not sign it";
    case "remove":
      // A reset that waits would let a key that was just removed sign again.
      if (reset?.publicKey === publicKey) return "a reset to this key is pending";
      return second === undefined && isSigned(active, first) ? undefined : notSigned;
    case "reset":
      if (reset !== undefined) return "another reset is pending";
      if (active.includes(publicKey) || isCompromised) return "the key may sign already, or is compromised";
      return second === undefined && isSigned([publicKey], first) ? undefined : "the new key did not sign it";
    case "cancel":
      if (reset?.publicKey !== publicKey) return "no reset to this key is pending";
      if (by !== null) return first === undefined ? undefined : "an account cancelled it, and it has a signature";
      if (reset.upheld) return "an administrator upheld the reset against keys";
      return second === undefined && isSigned(active, first) ? undefined : notSigned;
    case "uphold":
      if (by === null || first !== undefined) return "only an administrator upholds, without a signature";
      return reset?.publicKey === publicKey ? undefined : "no reset to this key is pending";
  }
}

function apply(history: PackageHistory, { action, publicKey, at, removal }: KeyEntry): void {
  switch (action) {
    case "add":
      history.active = [...history.active, publicKey];
      break;
    case "remove":
      history.active = history.active.filter((key) => key !== publicKey);
      distrust(history, publicKey, removal);
      break;
    case "reset":
      history.reset = { publicKey, atMs: at.getTime(), upheld: false };
      break;
    case "cancel":
      delete history.reset;
      break;
    case "uphold":
      if (history.reset !== undefined) history.reset.upheld = true;
  }
}

function distrust(history: PackageHistory, publicKey: string, removal: KeyRemovalReason | undefined): void {
  if (removal?.reason !== "compromised") return;
  const { since } = removal;
  const isKnown = history.compromised.some((key) => key.publicKey === publicKey && key.since === since);
  if (!isKnown) history.compromised = [...history.compromised, { publicKey, since }];
}

/** Whether a signature in base64 holds by `cpm-strict`; a key that is none signs nothing. */
function holds(publicKey: string, message: Uint8Array, signatureText: string): boolean {
  const key = checkPublicKey(new Uint8Array(Buffer.from(publicKey, "hex")));
  const signature = Buffer.from(signatureText, "base64");
  if ("refused" in key || hasSmallOrder(signature)) return false;
  return equationHolds(key, message, signature);
}
