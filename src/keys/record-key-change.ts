import { createHash } from "node:crypto";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { type KeyChange, keyChangeStatement, keyLeaf } from "../signing/key-statements.ts";
import type { StatementSignature } from "../signing/verify-statement.ts";
import { type KeyedPackage, lastKeyLeaf } from "./package-trust.ts";

/** Who changes keys and how that is proved. */
export interface KeyChangeProof {
  /** A user name; null when an old key alone proves it. */
  readonly by: string | null;
  readonly statement: string | null;
  /** Base64 of keys and signatures, in the order of `proofOf`. */
  readonly proof: string | null;
}

/** The proof in a leaf: who signed, 32 bytes, and the signature, 64; then, where there is one, that of the new key. */
export function proofOf({ publicKey, signature }: StatementSignature, newKeySignature?: StatementSignature): string {
  const parts = [Buffer.from(publicKey, "hex"), signature, newKeySignature?.signature ?? new Uint8Array()];
  return Buffer.concat(parts).toString("base64");
}

/**
 * The statement of a change that follows the package's last key leaf. Throws `key_change_outdated` when what was signed
 * names another: so nothing that was signed once is good twice.
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

/** Writes a change as the package's next key leaf. The package's row is locked, so numbers have no gaps. */
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
