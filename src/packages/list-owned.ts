import { and, asc, eq, gt, sql } from "drizzle-orm";
import type { Actor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { coversColumn } from "../search/covers-column.ts";
import { summariesOf } from "./read.ts";
import type { PackageSummary } from "./views.ts";

/** Which packages of an account to list. */
export interface OwnedPage {
  /** The name after which the page begins. Undefined for the first page. */
  readonly after: PackageName | undefined;
  readonly pageSize: number;
}

/** Some packages of an account, and the name after which to continue; null at the end. */
export interface OwnedPackages {
  readonly items: readonly PackageSummary[];
  readonly nextCursor: string | null;
}

/**
 * Lists the packages that an account owns, by name, with those that are in no other list because
 * all their versions are yanked, in quarantine or taken down. With an API token, only those that
 * the token is for.
 */
export function listOwned(
  { db }: Pick<Deps, "db">,
  { user, token }: Pick<Actor, "user" | "token">,
  { after, pageSize }: OwnedPage,
): Promise<OwnedPackages> {
  return db.read(async (session) => {
    const { packageOwners, packages } = session.tables;
    const isLater = after === undefined ? undefined : gt(packages.name, after);
    // Nearly every token is for all packages, and needs no statement of its own.
    const isForAll = token?.packages.includes("*") ?? true;
    const isCovered = isForAll ? undefined : coversColumn(token?.packages, sql`${packages.name}`);
    const found = await session.query
      .select({ id: packages.id, name: packages.name })
      .from(packageOwners)
      .innerJoin(packages, eq(packages.id, packageOwners.packageId))
      .where(and(eq(packageOwners.userId, user.id), isLater, isCovered))
      .orderBy(asc(packages.name))
      .limit(pageSize + 1);
    const shown = found.slice(0, pageSize);
    const ids = shown.map(({ id }) => id);
    const nextCursor = found.length > pageSize ? (shown.at(-1)?.name ?? null) : null;
    return { items: await summariesOf(session, db.kind, ids), nextCursor };
  });
}
