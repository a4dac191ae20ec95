import type { Database, DbSession } from "../db/database.ts";
import { failure } from "../errors.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { parseCheckpoint } from "../tlog/checkpoint.ts";
import { logLeaf } from "../tlog/leaf.ts";
import { type UnsignedLogEntry, unsignedLogText } from "../tlog/log-leaf.ts";
import { type SignerKey, signatureLine, verifierOf, verifyNote } from "../tlog/note.ts";
import { insertLogChange, storedVerifier, writeLogKey } from "./log-changes.ts";
import { type Cosigner, vkeyOf } from "./log-keys.ts";
import { type LogStateRow, lockState } from "./log-rows.ts";
import { TransparencyLog } from "./transparency-log.ts";

/** What a change of the log's key did. */
export interface KeyChanged {
  /** The index of its leaf. */
  readonly index: number;
  /** The verifier key from now on. */
  readonly vkey: string;
  /** The verifier key until now. */
  readonly oldKey: string;
}

interface ChangeDeps {
  readonly db: Database;
  readonly clock: () => Date;
  readonly failpoints?: Failpoints;
}

/** The keys of a rotation, and until when the old one signs too. */
interface Rotation {
  readonly from: SignerKey;
  readonly to: SignerKey;
  readonly at: Date;
  readonly until: Date;
}

/**
 * Replaces the key of the log. It appends a leaf that the old and the new key sign, and keeps the
 * checkpoint that covers this leaf, which both keys sign too. All of it is one transaction.
 *
 * The new key must be durable before the call. A crash leaves the log with the old key or with the
 * new one. Throws `log_key_missing` if `from` is not the key of the log any more.
 */
export function rotateKey(deps: ChangeDeps, { from, to, at, until }: Rotation): Promise<KeyChanged> {
  const vkey = vkeyOf(to);
  return deps.db.write(async (session) => {
    const { vkey: oldKey } = await lockState(session);
    if (oldKey !== vkeyOf(from)) throw failure({ code: "log_key_missing" });
    const leaf = signedLeaf({ action: "rotate", oldKey, newKey: vkey, at, until }, [from, to]);
    const cosigners = [{ key: from, untilMs: Infinity }];
    const index = await changeKey(session, deps, { leaf, signer: to, cosigners, oldKey });
    return { index, vkey, oldKey };
  });
}

/**
 * Begins a log of another origin with the key `to`, because the key of the old log is lost. It goes
 * on with the same tree: its first own leaf names the old key, size and root. The last checkpoint
 * that the old key signed is kept. All of it is one transaction.
 *
 * The new key must be durable before the call. Throws if the old key did not sign the checkpoint
 * that the database has: then somebody changed the database.
 */
export function startNewLog(deps: ChangeDeps, { to, at }: Pick<Rotation, "to" | "at">): Promise<KeyChanged> {
  const vkey = vkeyOf(to);
  return deps.db.write(async (session) => {
    const state = await lockState(session);
    const { vkey: oldKey, size, root } = state;
    requireSigned(state);
    const leaf = signedLeaf({ action: "start", oldKey, newKey: vkey, size, root, at }, [to]);
    const index = await changeKey(session, deps, {
      leaf,
      signer: to,
      cosigners: [],
      oldKey,
      kept: state.checkpoint,
    });
    return { index, vkey, oldKey };
  });
}

function requireSigned({ checkpoint, vkey, size, root }: LogStateRow): void {
  const signed = parseCheckpoint(verifyNote(checkpoint, [storedVerifier(vkey)])?.text ?? "");
  if (signed?.size === size && signed.root.toString("hex") === root) return;
  throw new Error("The log's own key did not sign the tree that the database has");
}

function signedLeaf(entry: UnsignedLogEntry, keys: readonly SignerKey[]): string {
  const text = unsignedLogText(entry);
  return logLeaf({ ...entry, signatures: keys.map((key) => signatureLine(text, key)).join("") });
}

interface Change {
  readonly leaf: string;
  readonly signer: SignerKey;
  readonly cosigners: readonly Cosigner[];
  readonly oldKey: string;
  /** The checkpoint to keep for ever. By default it is the one of this append. */
  readonly kept?: string;
}

/** Appends the leaf under the new key, and returns its index. */
async function changeKey(
  session: DbSession,
  { failpoints, clock }: ChangeDeps,
  { leaf, signer, cosigners, oldKey, kept }: Change,
): Promise<number> {
  const keys = { verifier: verifierOf(signer), signer, cosigners };
  const log = new TransparencyLog(keys, { failpoints, clock, earlier: storedVerifier(oldKey) });
  await writeLogKey(session, { origin: log.origin, vkey: log.vkey });
  const details = (own: string) => ({ checkpoint: kept ?? own });
  const { firstIndex: index, checkpoint } = await log.append(session, [{ leaf, details }]);
  await insertLogChange(session, { index, leaf, checkpoint: kept ?? checkpoint });
  return index;
}
