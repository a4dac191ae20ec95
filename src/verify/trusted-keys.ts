import { counted } from "../runtime/counted.ts";
import { formatVerifierKey, parseNote, parseVerifierKey, type VerifierKey, verifyNote } from "../tlog/note.ts";
import { type Check, failed, ok } from "./checks.ts";
import { type LogChange, successorOf } from "./log-changes.ts";
import type { SeenLog } from "./seen-logs.ts";
import type { Trust } from "./trust.ts";

/** The keys of a log that the user trusts, and why. */
export interface TrustedKeys {
  readonly keys: readonly VerifierKey[];
  readonly because: string;
}

/**
 * What is known of a log: the keys that are trusted, what was seen of it, and how its key changed.
 */
export interface KnownLog {
  readonly trusted: TrustedKeys;
  readonly seen: SeenLog | undefined;
  readonly changes: readonly LogChange[];
}

/**
 * Returns the keys that the user trusts for the log of this origin, before any of them was
 * replaced.
 */
export async function trustedKeys(
  origin: string,
  seen: SeenLog | undefined,
  { client, vkey, policy }: Trust,
): Promise<TrustedKeys> {
  const ofOrigin = (keys: readonly VerifierKey[]) => keys.filter(({ name }) => name === origin);
  if (vkey !== undefined) return { keys: ofOrigin([vkey]), because: "given with --vkey" };
  if (policy !== undefined && policy.logs.length > 0) {
    return { keys: ofOrigin(policy.logs), because: "named by the policy" };
  }
  const text = seen?.vkey ?? (await client?.text("/log/vkey"))?.trim();
  const key = text === undefined ? undefined : parseVerifierKey(text);
  const because = seen === undefined ? "trusted on first use: only the registry confirms it" : "seen before";
  return { keys: key === undefined ? [] : ofOrigin([key]), because };
}

/**
 * Returns whether a note has a signature under the log's name by a key that is not known here. It
 * proves nothing, but is a reason to ask how the key changed.
 */
export function hasUnknownSigner(note: string, origin: string, { trusted, seen }: Omit<KnownLog, "changes">): boolean {
  const seenKeys = seen === undefined ? [] : [seen.vkey, ...seen.retired].map(parseVerifierKey);
  const known = [...trusted.keys, ...seenKeys].map((key) => key?.keyId);
  const signatures = parseNote(note)?.signatures ?? [];
  return signatures.some(({ name, keyId }) => name === origin && !known.includes(keyId));
}

/**
 * Returns the key that took the place of a trusted one, as far as the log's own leaves prove it.
 */
function presentKey(key: VerifierKey, { seen, changes }: KnownLog): VerifierKey {
  const vkey = formatVerifierKey(key);
  const replacing = seen?.retired.includes(vkey) === true ? seen.vkey : vkey;
  const present = successorOf(replacing, changes)?.entry.newKey ?? replacing;
  return parseVerifierKey(present) ?? key;
}

/** Checks that the log's present key signed a note, and returns this key. */
export function checkNoteSignature(
  note: string,
  origin: string,
  known: KnownLog,
  isOffline: boolean,
): { readonly check: Check; readonly key: VerifierKey | undefined } {
  const { keys, because } = known.trusted;
  if (keys.length === 0) {
    const detail = `no verifier key of ${origin} is known: pass it with --vkey, or fetch it with --registry`;
    return { check: failed("checkpoint", "vkey_unknown", detail), key: undefined };
  }
  const present = keys.map((key) => presentKey(key, known));
  const key = verifyNote(note, present)?.signed[0];
  if (key === undefined) return { check: unsigned(note, { ...known, present }, isOffline), key };
  const followed = keys.some((trusted) => trusted.publicKey.equals(key.publicKey)) ? "" : ", and replaced since";
  return { check: ok("checkpoint", `signed by ${formatVerifierKey(key)}, ${because}${followed}`), key };
}

function unsigned(
  note: string,
  { trusted, seen, present }: KnownLog & { readonly present: readonly VerifierKey[] },
  isOffline: boolean,
): Check {
  const texts = present.map(formatVerifierKey).join(" or ");
  const retired = (seen?.retired ?? []).map(parseVerifierKey).filter((key) => key !== undefined);
  const old = verifyNote(note, [...trusted.keys, ...retired])?.signed[0];
  if (old !== undefined) {
    const detail = `only ${formatVerifierKey(old)} signed it, which ${texts} replaced; a proof from before that has to be downloaded again`;
    return failed("checkpoint", "log_key_retired", detail);
  }
  const hint = isOffline ? "; if the log's key was replaced, run it once with --registry" : "";
  return failed("checkpoint", "checkpoint_unsigned", `${texts} (${trusted.because}) did not sign it${hint}`);
}

/** Checks that the key of the last change signed the note, where there was one. */
export function checkChanges(note: string, changes: readonly LogChange[]): Check[] {
  const last = changes.at(-1);
  if (last === undefined) return [];
  const { newKey, at } = last.entry;
  const key = parseVerifierKey(newKey);
  if (key === undefined || verifyNote(note, [key]) === undefined) {
    const detail = `leaf ${last.index} made ${newKey} the log's key, which did not sign the checkpoint`;
    return [failed("key", "log_key_retired", detail)];
  }
  const times = counted(changes.length, "change");
  return [ok("key", `${times} of the log's key, the last one in leaf ${last.index} of ${at.toISOString()}`)];
}
