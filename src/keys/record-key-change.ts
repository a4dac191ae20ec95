import { createHash } from "node:crypto";
import { asc, desc, eq } from "drizzle-orm";
import type { Origin } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { readState } from "../log/log-rows.ts";
import { readLeaf } from "../log/read-tile.ts";
import { CLOCK_DIFFERENCE_MAX_MS, type KeyChange, keyChangeStatement, secondsText } from "../signing/key-statements.ts";
import type { StatementSignature } from "../signing/verify-statement.ts";
import type { KeyEntry } from "../tlog/key-leaf.ts";
import { keyLeaf } from "../tlog/leaf.ts";
import { applyDueReset, type KeyedPackage, loadPackageKeys, type PackageKeys } from "./package-trust.ts";

/** What a client sends about every statement that it signed. */
export interface Signed {
  /** Lower-case hex: SHA-256 of the package's last key leaf, or of its first version's leaf. */
  readonly previous: string;
  /** When it was signed, in whole seconds. */
  readonly at: Date;
}

/** A change before it has its place in the log. */
export type KeyChangeDraft = Omit<KeyEntry, "seq" | "signatures"> & {
  readonly signatures: readonly StatementSignature[];
};

type LogDeps = Pick<Deps, "log">;

/** `by` in the leaf of a change by the operator. No user name has brackets. */
const OPERATOR_NAME = "(operator)";

/** Returns `by` in the leaf of a change that an account or the operator makes. */
export function nameInLeaf({ username }: Origin): string {
  return username ?? OPERATOR_NAME;
}

/** The last key leaf of a package: its number, and its digest as `previous` of the next change. */
export async function lastKeyLeaf(
  session: DbSession,
  packageId: number,
): Promise<{ readonly seq: number; readonly sha256: string }> {
  const { packageKeyChanges } = session.tables;
  const [last] = await session.query
    .select({ seq: packageKeyChanges.seq, sha256: packageKeyChanges.leafSha256 })
    .from(packageKeyChanges)
    .where(eq(packageKeyChanges.packageId, packageId))
    .orderBy(desc(packageKeyChanges.seq))
    .limit(1);
  return last ?? { seq: 0, sha256: leafDigest(await firstVersionLeaf(session, packageId)) };
}

async function firstVersionLeaf(session: DbSession, packageId: number): Promise<Uint8Array> {
  const { versions } = session.tables;
  const [first] = await session.query
    .select({ logIndex: versions.logIndex })
    .from(versions)
    .where(eq(versions.packageId, packageId))
    .orderBy(asc(versions.logIndex))
    .limit(1);
  if (first === undefined || first.logIndex === null) throw new Error("A package has no version in the log");
  return readLeaf(session, first.logIndex, (await readState(session)).size);
}

/** The digest of a key leaf or of a first version's leaf, in hex: `previous` of the next change. */
export function leafDigest(leaf: string | Uint8Array): string {
  return createHash("sha256").update(leaf).digest("hex");
}

/**
 * Returns the keys of a locked package as a change signed at `at` finds them. Throws
 * `validation_failed` when the registry's clock and the statement's differ by more than ten
 * minutes, or when a reset takes effect between the two: whoever replays the log has the
 * statement's time only and must come to the same answer.
 */
export async function keysForChange(
  session: DbSession,
  changed: KeyedPackage,
  { at }: Signed,
  now: Date,
  path = "/at",
): Promise<PackageKeys> {
  const { reset } = await loadPackageKeys(session, changed.id, new Date(0));
  const isFar = Math.abs(at.getTime() - now.getTime()) > CLOCK_DIFFERENCE_MAX_MS;
  const isDue = (time: Date) => reset !== undefined && reset.effectiveAt <= time;
  const message = isFar
    ? `differs by more than ten minutes from the registry's clock, which has ${secondsText(now)}: set your clock, sign again`
    : "is on the other side of the moment at which a reset takes effect: sign again";
  if (isFar || isDue(at) !== isDue(now)) throw failure({ code: "validation_failed", faults: [{ path, message }] });
  return applyDueReset(session, changed, now);
}

/**
 * Returns the statement of a change that follows the package's last key leaf. Throws
 * `key_change_outdated` when `previous` is another leaf, so each statement is good once.
 */
export async function nextStatement(
  session: DbSession,
  { id }: KeyedPackage,
  change: KeyChange,
  deps: LogDeps,
): Promise<string> {
  return statementAfter(await lastKeyLeaf(session, id), change, deps);
}

/** `nextStatement` after a key leaf that is known already. */
export function statementAfter(last: { readonly sha256: string }, change: KeyChange, { log }: LogDeps): string {
  const { name, previous } = change;
  if (previous !== last.sha256) throw failure({ code: "key_change_outdated", name, previous: last.sha256 });
  return keyChangeStatement(log.origin, change);
}

/** Returns the leaf of a change. Whoever signed the change can compute it. */
export function leafOf(draft: KeyChangeDraft, seq: number): { readonly leaf: string; readonly sha256: string } {
  const signatures = draft.signatures.map(({ signature }) => Buffer.from(signature).toString("base64"));
  const leaf = keyLeaf({ ...draft, seq, signatures });
  return { leaf, sha256: leafDigest(leaf) };
}

/**
 * Writes a change as the package's next key leaf. Call it with the package's row locked, so that
 * numbers have no gaps, and last, because the log is locked from here to the end of the
 * transaction.
 */
export async function recordKeyChange(
  session: DbSession,
  { id }: KeyedPackage,
  draft: KeyChangeDraft,
  now: Date,
  { log }: LogDeps,
): Promise<void> {
  const seq = (await lastKeyLeaf(session, id)).seq + 1;
  const { leaf, sha256: leafSha256 } = leafOf(draft, seq);
  const { packageKeyChanges } = session.tables;
  const row = {
    packageId: id,
    seq,
    action: draft.action,
    publicKey: draft.publicKey,
    statement: draft.signatures.length === 0 ? null : keyChangeStatement(log.origin, draft),
    leaf,
    leafSha256,
    byUsername: draft.by,
    at: now,
  };
  await log.append(session, [{ leaf, details: { at: now.toISOString() } }], (logIndex) =>
    session.query.insert(packageKeyChanges).values({ ...row, logIndex }),
  );
}
