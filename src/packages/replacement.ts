import { and, eq } from "drizzle-orm";
import { type Actor, hasScopeFor } from "../accounts/actor.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldName, type PackageName, parsePackageName } from "../domain/package-name.ts";
import { parseVersion } from "../domain/version.ts";
import { failure } from "../errors.ts";
import { findPackage } from "./find-package.ts";

/** Reads what `isReplacement` accepts, for a version of the package `name`. */
function readReplacement(name: PackageName, replacement: string) {
  const [first = "", second] = replacement.split("@", 2);
  const isVersion = second === undefined && parseVersion(first) !== undefined;
  return isVersion ? { other: name, version: first } : { other: parsePackageName(first), version: second };
}

/**
 * Throws `validation_failed` unless the package that is to be used instead is there and not
 * withdrawn. Anybody could register a name that is free, and the users would follow the advice to
 * them. A version may come later: only the owners can publish it. A token of a private registry
 * learns nothing of packages that it may not read.
 */
export async function requireReplacement(
  session: DbSession,
  { config }: Pick<Deps, "config">,
  actor: Actor,
  name: PackageName,
  replacement: string,
): Promise<void> {
  const { other } = readReplacement(name, replacement);
  if (other === undefined || other === name) return;
  const isReadable = config.readAccess === "public" || hasScopeFor(actor, other, "read");
  const found = isReadable ? await findPackage(session, foldName(other)) : undefined;
  if (found === undefined || found.name !== other) {
    throw refused(
      `must be a package of this registry: there is no ${other}. Publish it first, or put it in the message`,
    );
  }
  if (found.takenDownAt !== null) throw refused(`must be a package that can be used: ${other} is taken down`);
  if (found.quarantinedAt !== null) throw refused(`must be a package that can be used: ${other} is in quarantine`);
}

function refused(message: string) {
  return failure({ code: "validation_failed", faults: [{ path: "/replacement", message }] });
}

/**
 * Reports whether the version that is to be used instead exists. `replacement` is one that
 * `requireReplacement` accepted; one without a version does.
 */
export function isReplacementThere({ db }: Pick<Deps, "db">, name: PackageName, replacement: string): Promise<boolean> {
  const { other, version } = readReplacement(name, replacement);
  if (other === undefined) return Promise.resolve(false);
  if (version === undefined) return Promise.resolve(true);
  return db.read(async (session) => {
    const found = await findPackage(session, foldName(other));
    if (found === undefined) return false;
    const { versions } = session.tables;
    const isThis = and(eq(versions.packageId, found.id), eq(versions.version, version));
    return (await session.query.select({ id: versions.id }).from(versions).where(isThis).limit(1)).length > 0;
  });
}
