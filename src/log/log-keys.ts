import type { DbSession } from "../db/database.ts";
import { formatVerifierKey, type SignerKey, type VerifierKey, verifierOf } from "../tlog/note.ts";
import { readLogEntries, readVerifiers, storedVerifier } from "./log-changes.ts";
import { readState } from "./log-rows.ts";

/** A key that signs checkpoints beside the log's own key. */
export interface Cosigner {
  readonly key: SignerKey;
  readonly untilMs: number;
}

/** The keys with which a process signs a log. */
export interface LogKeys {
  readonly verifier: VerifierKey;
  /** Undefined if the process does not have the log's key. */
  readonly signer: SignerKey | undefined;
  /** The keys that a rotation replaced and that still sign for a while. */
  readonly cosigners: readonly Cosigner[];
}

/** Returns the verifier key of a signer in the form of signed notes. */
export function vkeyOf(signer: SignerKey): string {
  return formatVerifierKey(verifierOf(signer));
}

/**
 * Reads which of the keys of a process sign the log. The database names the present key, so it does
 * not matter in which order the process has them, and a rotation that was interrupted has happened
 * or not.
 */
export async function readLogKeys(session: DbSession, signers: readonly SignerKey[]): Promise<LogKeys> {
  const { vkey } = await readState(session);
  const find = (wanted: string) => signers.find((key) => vkeyOf(key) === wanted);
  const verifier = storedVerifier(vkey);
  const cosigners = (await readLogEntries(session)).flatMap((entry): Cosigner[] => {
    const key = entry.action === "rotate" ? find(entry.oldKey) : undefined;
    if (entry.action !== "rotate" || key?.name !== verifier.name) return [];
    return [{ key, untilMs: entry.until.getTime() }];
  });
  return { verifier, signer: find(vkey), cosigners };
}

/** The keys of a process that a change of the log's key replaced, as verifier keys. */
export interface ReplacedKeys {
  /** Replaced keys that still sign, together with the present one, and until when. */
  readonly signing: readonly { readonly vkey: string; readonly until: Date }[];
  /** Replaced keys that do not sign any more. */
  readonly over: readonly string[];
}

/** Reads which of the keys of a process were replaced, and which of them still sign. */
export async function readReplacedKeys(
  session: DbSession,
  signers: readonly SignerKey[],
  now: Date,
): Promise<ReplacedKeys> {
  const { cosigners } = await readLogKeys(session, signers);
  const [present, ...used] = (await readVerifiers(session)).map(formatVerifierKey);
  const signing = cosigners
    .filter(({ untilMs }) => now.getTime() < untilMs)
    .map(({ key, untilMs }) => ({ vkey: vkeyOf(key), until: new Date(untilMs) }));
  const over = signers
    .map(vkeyOf)
    .filter((own) => own !== present && used.includes(own) && !signing.some(({ vkey }) => vkey === own));
  return { signing, over };
}
