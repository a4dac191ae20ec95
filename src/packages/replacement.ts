import { and, eq } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { foldName, type PackageName, parsePackageName } from "../domain/package-name.ts";
import { parseVersion } from "../domain/version.ts";
import { findPackage } from "./find-package.ts";

/**
 * Reports whether what is to be used instead of a package or version exists. `replacement` is one
 * that `isReplacement` accepts: a version of the package `name`, another package, or `name@version`.
 */
export function isReplacementThere({ db }: Pick<Deps, "db">, name: PackageName, replacement: string): Promise<boolean> {
  const [first = "", second] = replacement.split("@", 2);
  const isVersion = second === undefined && parseVersion(first) !== undefined;
  const [other, version] = isVersion ? [name, first] : [parsePackageName(first), second];
  if (other === undefined) return Promise.resolve(false);
  return db.read(async (session) => {
    const found = await findPackage(session, foldName(other));
    if (found === undefined || found.name !== other) return false;
    if (version === undefined) return true;
    const { versions } = session.tables;
    const isThis = and(eq(versions.packageId, found.id), eq(versions.version, version));
    return (await session.query.select({ id: versions.id }).from(versions).where(isThis).limit(1)).length > 0;
  });
}
