import { and, eq, gte, inArray, ne } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { PackageName } from "../domain/package-name.ts";
import { skeletonOf } from "../domain/similar-names.ts";
import { failure } from "../errors.ts";

/** More popular names than this do not look alike by accident. */
const ALIKE_MAX = 50;

/**
 * Throws `name_too_similar` when a new name is easily mistaken for the name of a popular package,
 * which has at least `minDownloads`. The publisher may use the name all the same if they own one of
 * the packages that it resembles, or if an admin allowed it.
 */
export async function requireDistinctName(
  { query, tables }: DbSession,
  name: PackageName,
  userId: string,
  minDownloads: number,
): Promise<void> {
  const { packages, packageOwners, allowedNames } = tables;
  const isAlike = and(
    eq(packages.nameSkeleton, skeletonOf(name)),
    gte(packages.downloads, minDownloads),
    ne(packages.name, name),
  );
  const alike = await query
    .select({ id: packages.id, name: packages.name })
    .from(packages)
    .where(isAlike)
    .limit(ALIKE_MAX);
  const [first] = alike;
  if (first === undefined) return;
  const ids = alike.map(({ id }) => id);
  const isMine = and(eq(packageOwners.userId, userId), inArray(packageOwners.packageId, ids));
  if ((await query.$count(packageOwners, isMine)) > 0) return;
  if ((await query.$count(allowedNames, eq(allowedNames.name, name))) > 0) return;
  throw failure({ code: "name_too_similar", name, existing: first.name });
}
