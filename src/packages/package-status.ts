import { eq } from "drizzle-orm";
import { type Actor, requireScopeFor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { lockNamedPackage, requireOwner } from "./find-package.ts";
import { requirePresent } from "./find-version.ts";
import { type LoadedPackage, loadShownPackage } from "./read.ts";
import { requireReplacement } from "./replacement.ts";

/**
 * `archived`: takes no new versions. `deprecated`: should not be used any more. Both stay found and
 * downloadable.
 */
export const PACKAGE_STATUSES = ["active", "archived", "deprecated"] as const;

const ITSELF = { path: "/replacement", message: "must be another package" };

/** The status that the owners of a package set. */
export interface PackageStatus {
  readonly status: (typeof PACKAGE_STATUSES)[number];
  readonly message: string | undefined;
  /** The name of the package to use instead. */
  readonly replacement: PackageName | undefined;
}

/**
 * Sets whether a package is maintained, and what to use instead. Only an owner may. Safe to repeat.
 * Throws `package_not_found`, `not_an_owner`, `insufficient_scope`, or `validation_failed` for a
 * replacement that cannot be used.
 */
export async function setPackageStatus(
  { db, clock, config }: Pick<Deps, "db" | "clock" | "config">,
  actor: Actor,
  name: PackageName,
  { status, message, replacement }: PackageStatus,
): Promise<LoadedPackage> {
  requireScopeFor(actor, name, "yank");
  const now = clock();
  return db.write(async (session) => {
    const { packages } = session.tables;
    const before = await lockNamedPackage(session, name);
    await requireOwner(session, before, actor.user.id);
    requirePresent(name, before);
    const columns = { status, statusMessage: message ?? null, statusReplacement: replacement ?? null };
    const isUnchanged =
      before.status === columns.status &&
      before.statusMessage === columns.statusMessage &&
      before.statusReplacement === columns.statusReplacement;
    if (isUnchanged) return loadShownPackage(session, before);
    if (replacement === name) throw failure({ code: "validation_failed", faults: [ITSELF] });
    if (replacement !== undefined) await requireReplacement(session, { config }, actor, name, replacement);
    const [after = before] = await session.query
      .update(packages)
      .set({ ...columns, updatedAt: now })
      .where(eq(packages.id, before.id))
      .returning();
    const details = { status, replacement: columns.statusReplacement };
    await recordEvent(session, actor.origin, "package.status_changed", now, { packageName: name, details });
    return loadShownPackage(session, after);
  });
}
