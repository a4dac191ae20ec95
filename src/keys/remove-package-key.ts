import { and, eq, gte } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { logYanks } from "../log/log-yanks.ts";
import { lockNamedPackage, requireOwner } from "../packages/find-package.ts";
import { loadNumberedVersion } from "../packages/find-version.ts";
import { rebuildListing } from "../packages/rebuild-listing.ts";
import type { PackageRow, VersionRow } from "../packages/views.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { verifyStatement } from "../signing/verify-statement.ts";
import { KEY_ID_SHOWN_MAX_CHARS } from "./key-view.ts";
import { activeKeys, type PackageKeyRow, type PackageKeys } from "./package-trust.ts";
import { keysForChange, nextStatement, recordKeyChange, type Signed } from "./record-key-change.ts";

/** A key to remove. An active key of the package signs the change. */
export interface KeyRemoval extends Signed {
  readonly keyId: string;
  readonly signature: string;
  /**
   * `superseded`: all versions that the key signed stay valid. `compromised`: they are invalid
   * since some version.
   */
  readonly reason: "superseded" | "compromised";
  /**
   * With `compromised`, the first version that is not trusted. Undefined if no version of the key
   * is trusted.
   */
  readonly since: string | undefined;
}

/**
 * Returns a key that may be removed. Throws `key_not_found`, `reset_pending`, `key_exists` or
 * `last_key`.
 */
export function requireRemovable(
  { keys, reset }: PackageKeys,
  name: string,
  { keyId, reason }: Pick<KeyRemoval, "keyId" | "reason">,
): PackageKeyRow {
  const known = keys.find((key) => keyIdOf(key.publicKey) === keyId);
  if (known === undefined) throw failure({ code: "key_not_found", keyId: keyId.slice(0, KEY_ID_SHOWN_MAX_CHARS) });
  // Otherwise the reset would make the key active again after it was found compromised.
  if (reset?.publicKey === known.publicKey) {
    throw failure({ code: "reset_pending", name, effectiveAt: reset.effectiveAt.toISOString() });
  }
  if (known.status === "active") {
    if (keys.filter(({ status }) => status === "active").length === 1) throw failure({ code: "last_key", name });
  } else if (reason === "superseded") {
    throw failure({ code: "key_exists", reason: `This key may no longer sign ${name}: it is ${known.status}.` });
  }
  return known;
}

/**
 * Throws `key_exists` unless the key is compromised since an earlier version than known. It is
 * never trusted again.
 */
function requireEarlier({ status, compromisedSince }: PackageKeyRow, since: number | null): void {
  if (status !== "compromised" || (since ?? 0) < (compromisedSince ?? 0)) return;
  throw failure({
    code: "key_exists",
    reason: "This key is already compromised since that version or an earlier one.",
  });
}

/**
 * Returns the id of the first version that is not trusted. Ids are in order of publishing, like the
 * indexes of the log.
 */
async function sinceId(session: DbSession, changed: PackageRow, { reason, since }: KeyRemoval): Promise<number | null> {
  if (reason === "superseded") return null;
  return since === undefined ? 0 : (await loadNumberedVersion(session, changed, since)).row.id;
}

/**
 * Flags and yanks the versions that a compromised key signed. Returns those that were not yanked
 * before, as they are now.
 */
async function distrustVersions(
  session: DbSession,
  kind: Database["kind"],
  changed: PackageRow,
  { publicKey, since }: { readonly publicKey: string; readonly since: number },
  { origin }: SessionActor,
  now: Date,
): Promise<VersionRow[]> {
  const { id, name } = changed;
  const { versions } = session.tables;
  const isSigned = and(eq(versions.packageId, id), eq(versions.publicKey, publicKey), gte(versions.id, since));
  const rows = await session.query.update(versions).set({ keyCompromised: true }).where(isSigned).returning();
  const notYanked = rows.filter(({ yankedAt }) => yankedAt === null);
  const yankMessage = `Signed with the key ${keyIdOf(publicKey)}, which is compromised.`;
  const yanked = { yankedAt: now, yankReason: "security", yankMessage, yankReplacement: null };
  for (const { id: versionId, version } of notYanked) {
    await session.query.update(versions).set(yanked).where(eq(versions.id, versionId));
    const details = { reason: "security", compromisedKey: keyIdOf(publicKey) };
    await recordEvent(session, origin, "version.yanked", now, { packageName: name, version, details });
  }
  if (rows.length > 0) await rebuildListing(session, kind, changed, now);
  return notYanked.map((row) => ({ ...row, ...yanked }));
}

/** Writes that a key may no longer sign. */
export async function endKey(
  session: DbSession,
  known: PackageKeyRow,
  reason: KeyRemoval["reason"],
  since: number | null,
  now: Date,
) {
  const { packageKeys } = session.tables;
  await session.query
    .update(packageKeys)
    .set({ status: reason, endedAt: known.endedAt ?? now, compromisedSince: since })
    .where(and(eq(packageKeys.packageId, known.packageId), eq(packageKeys.publicKey, known.publicKey)));
}

/**
 * Removes a key of a package, but never the last one. Versions that a compromised key signed are
 * flagged and permanently yanked. Only an owner may do this. Throws `package_not_found`,
 * `not_an_owner`, `key_not_found`, `last_key`, `key_exists`, `reset_pending`, `version_not_found`,
 * `key_change_outdated` or `signature_invalid`.
 */
export async function removePackageKey(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  actor: SessionActor,
  name: PackageName,
  removal: KeyRemoval,
): Promise<void> {
  const { reason, previous, at, signature } = removal;
  const now = clock();
  await db.write(async (session) => {
    const changed = await lockNamedPackage(session, name);
    await requireOwner(session, changed, actor.user.id);
    const trusted = await keysForChange(session, changed, removal, now);
    const known = requireRemovable(trusted, name, removal);
    const { publicKey } = known;
    const since = await sinceId(session, changed, removal);
    requireEarlier(known, since);
    const named = { name, action: "remove", publicKey, previous, at } as const;
    const change = { ...named, removal: { reason, since: removal.since ?? null } };
    const statement = await nextStatement(session, changed, change, { log });
    const signed = verifyStatement(statement, signature, activeKeys(trusted), "/signature");
    await endKey(session, known, reason, since, now);
    const yanked =
      since === null ? [] : await distrustVersions(session, db.kind, changed, { publicKey, since }, actor, now);
    const details = {
      keyId: keyIdOf(publicKey),
      publicKey,
      reason,
      since: removal.since,
      signedBy: keyIdOf(signed.publicKey),
    };
    await recordEvent(session, actor.origin, "package_key.removed", now, { packageName: name, details });
    // Append to the log last. It is locked from here on, and a publish of a new name waits for it
    // while it holds rows of lists that all publishers share.
    const { username } = actor.user;
    await recordKeyChange(session, changed, { ...change, by: username, signatures: [signed] }, now, { log });
    const rows = yanked.map((row) => ({ ...row, name }));
    await logYanks(session, { log }, "yank", username, rows, now);
  });
}
