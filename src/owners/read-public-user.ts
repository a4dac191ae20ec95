import { eq, inArray } from "drizzle-orm";
import { loadUser } from "../accounts/load-user.ts";
import type { UserRow } from "../accounts/user.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { summariesOf } from "../packages/read.ts";
import type { PackageSummary } from "../packages/views.ts";

/** The most packages of an account that are looked at. Those of a larger one are found by search. */
const OWNED_MAX = 1_000;

/** What everybody may know of an account. */
export interface PublicUser {
  readonly username: string;
  readonly createdAt: string;
  /** The packages of this page that the account owns, the most downloaded first. */
  readonly packages: readonly PackageSummary[];
  readonly total: number;
  /** True if the account owns more packages than `total`. */
  readonly isCapped: boolean;
}

/** Which packages of an account to read. `page` counts from 1. */
export interface OwnedPage {
  readonly page: number;
  readonly pageSize: number;
}

/** Reads which packages an account owns, the most downloaded first. */
async function ownedIds({ query, tables }: DbSession, userId: string): Promise<number[]> {
  const { packageOwners, packages } = tables;
  const owned = await query
    .select({ id: packageOwners.packageId })
    .from(packageOwners)
    .where(eq(packageOwners.userId, userId))
    .limit(OWNED_MAX + 1);
  if (owned.length === 0) return [];
  const ids = owned.map(({ id }) => id);
  const { id, name, downloads } = packages;
  const rows = await query.select({ id, name, downloads }).from(packages).where(inArray(id, ids));
  return rows.toSorted((a, b) => b.downloads - a.downloads || (a.name < b.name ? -1 : 1)).map((row) => row.id);
}

async function hasPublished({ query, tables: { versions } }: DbSession, userId: string): Promise<boolean> {
  const rows = await query.select({ id: versions.id }).from(versions).where(eq(versions.publishedBy, userId)).limit(1);
  return rows.length > 0;
}

/**
 * Reads what everybody may know of an account. Throws `user_not_found`, also for an account that
 * owns nothing and has published nothing, unless it is `visitor` who asks: its name is on no other
 * page, so nobody is to find out by guessing that it exists.
 */
export function readPublicUser(
  { db }: Pick<Deps, "db">,
  username: string,
  { visitor, page, pageSize }: OwnedPage & { readonly visitor: Pick<UserRow, "id"> | undefined },
): Promise<PublicUser> {
  return db.read(async (session) => {
    const user = await loadUser(session, username);
    const ids = await ownedIds(session, user.id);
    const isKnown = ids.length > 0 || user.id === visitor?.id || (await hasPublished(session, user.id));
    if (!isKnown) throw failure({ code: "user_not_found", username });
    const total = Math.min(ids.length, OWNED_MAX);
    const shown = ids.slice((page - 1) * pageSize, Math.min(page * pageSize, OWNED_MAX));
    return {
      username: user.username,
      createdAt: user.createdAt.toISOString(),
      packages: await summariesOf(session, db.kind, shown),
      total,
      isCapped: ids.length > OWNED_MAX,
    };
  });
}
