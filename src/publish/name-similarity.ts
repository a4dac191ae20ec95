import { and, eq, gte, inArray, lte, ne } from "drizzle-orm";
import type { Config } from "../config/config.ts";
import type { DbSession } from "../db/database.ts";
import type { PackageName } from "../domain/package-name.ts";
import { skeletonOf } from "../domain/similar-names.ts";
import { failure } from "../errors.ts";

/** More popular names than this do not look alike by accident. */
const ALIKE_MAX = 50;

const DAY_MS = 24 * 60 * 60 * 1_000;

/** What makes a package popular, so that its name is protected. */
export interface Popularity {
  readonly minDownloads: number;
  /**
   * Downloads alone are not enough: otherwise a new package could block a name before anybody
   * notices.
   */
  readonly createdBy: Date;
}

/** Returns what makes a package popular now, by the settings. */
export function popularity(
  config: Pick<Config, "similarNamesMinDownloads" | "similarNamesMinAgeDays">,
  now: Date,
): Popularity {
  const createdBy = new Date(now.getTime() - config.similarNamesMinAgeDays * DAY_MS);
  return { minDownloads: config.similarNamesMinDownloads, createdBy };
}

/**
 * Throws `name_too_similar` when a new name is easily mistaken for the name of a popular package.
 * The publisher may use the name all the same if they own one of the packages that it resembles, or
 * if an admin allowed it.
 */
export async function requireDistinctName(
  { query, tables }: DbSession,
  name: PackageName,
  userId: string,
  { minDownloads, createdBy }: Popularity,
): Promise<void> {
  const { packages, packageOwners, allowedNames } = tables;
  const isAlike = and(
    eq(packages.nameSkeleton, skeletonOf(name)),
    gte(packages.downloads, minDownloads),
    lte(packages.createdAt, createdBy),
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
