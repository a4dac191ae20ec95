import { createHash } from "node:crypto";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { type KeyChange, keyChangeStatement, keyLeaf } from "../signing/key-statements.ts";
import type { StatementSignature } from "../signing/verify-statement.ts";
import { type KeyedPackage, lastKeyLeaf } from "./package-trust.ts";

/** Who changes keys, and the proof that they may. */
export interface KeyChangeProof {
  /** A user name, or null if the signature of an old key is the only proof. */
  readonly by: string | null;
  readonly statement: string | null;
  /** The keys and signatures in base64, as `proofOf` orders them. */
  readonly proof: string | null;
}

/**
 * Encodes the proof of a leaf: the key that signed (32 bytes), its signature (64), and the new
 * key's signature if any.
 */
export function proofOf({ publicKey, signature }: StatementSignature, newKeySignature?: StatementSignature): string {
  const parts = [Buffer.from(publicKey, "hex"), signature, newKeySignature?.signature ?? new Uint8Array()];
  return Buffer.concat(parts).toString("base64");
}

/**
 * Returns the statement of a change that follows the package's last key leaf. Throws
 * `key_change_outdated` if `previous` is not that leaf. So no signed statement is valid twice.
 */
export async function nextStatement(
  session: DbSession,
  { id, name }: KeyedPackage,
  change: KeyChange,
  previous: string,
): Promise<string> {
  const last = await lastKeyLeaf(session, id);
  if (previous !== last.sha256) throw failure({ code: "key_change_outdated", name, previous: last.sha256 });
  return keyChangeStatement(change, previous);
}

/**
 * Appends a change as the package's next key leaf. The caller has locked the package, so that `seq`
 * has no gaps.
 */
export async function recordKeyChange(
  session: DbSession,
  { id }: KeyedPackage,
  change: KeyChange,
  { by, statement, proof }: KeyChangeProof,
  now: Date,
  { log }: Pick<Deps, "log">,
): Promise<void> {
  const seq = (await lastKeyLeaf(session, id)).seq + 1;
  const leaf = keyLeaf(change, seq, by, proof);
  const { packageKeyChanges } = session.tables;
  const row = {
    packageId: id,
    seq,
    action: change.action,
    publicKey: change.publicKey,
    statement,
    leaf,
    leafSha256: createHash("sha256").update(leaf).digest("hex"),
    byUsername: by,
    at: now,
  };
  await log.append(session, [leaf], (logIndex) => session.query.insert(packageKeyChanges).values({ ...row, logIndex }));
}
