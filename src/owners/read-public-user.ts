import { and, eq, inArray } from "drizzle-orm";
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

/** Who reads. */
type Reader = Pick<UserRow, "id" | "role">;

/** Which packages of an account to read. `page` counts from 1. */
export interface OwnedPage {
  readonly page: number;
  readonly pageSize: number;
}

/** A package that an account owns. */
interface Owned {
  readonly id: number;
  readonly isStopped: boolean;
}

/** Reads which packages an account owns, the most downloaded first. */
async function ownedBy({ query, tables }: DbSession, userId: string): Promise<Owned[]> {
  const { packageOwners, packages } = tables;
  const owned = await query
    .select({ id: packageOwners.packageId })
    .from(packageOwners)
    .where(eq(packageOwners.userId, userId))
    .limit(OWNED_MAX + 1);
  if (owned.length === 0) return [];
  const ids = owned.map(({ id }) => id);
  const { id, name, downloads, quarantinedAt } = packages;
  const rows = await query.select({ id, name, downloads, quarantinedAt }).from(packages).where(inArray(id, ids));
  return rows
    .toSorted((a, b) => b.downloads - a.downloads || (a.name < b.name ? -1 : 1))
    .map((row) => ({ id: row.id, isStopped: row.quarantinedAt !== null }));
}

/** Leaves out what is in quarantine, unless the reader owns it or is an administrator. */
async function listedFor(
  { query, tables: { packageOwners } }: DbSession,
  owned: readonly Owned[],
  reader: Reader | undefined,
): Promise<number[]> {
  const stopped = owned.filter(({ isStopped }) => isStopped).map(({ id }) => id);
  if (stopped.length === 0 || reader?.role === "admin") return owned.map(({ id }) => id);
  const { packageId, userId } = packageOwners;
  const own =
    reader === undefined
      ? []
      : await query
          .select({ packageId })
          .from(packageOwners)
          .where(and(eq(userId, reader.id), inArray(packageId, stopped)));
  const readable = new Set(own.map((row) => row.packageId));
  return owned.filter(({ id, isStopped }) => !isStopped || readable.has(id)).map(({ id }) => id);
}

async function hasPublished({ query, tables: { versions } }: DbSession, userId: string): Promise<boolean> {
  const rows = await query.select({ id: versions.id }).from(versions).where(eq(versions.publishedBy, userId)).limit(1);
  return rows.length > 0;
}

/**
 * Reads what everybody may know of an account. Throws `user_not_found`, also for an account that
 * owns nothing and has published nothing, unless it is `visitor` who asks: its name is on no other
 * page, so nobody is to find out by guessing that it exists. A package in quarantine is listed for
 * its owners and administrators alone.
 */
export function readPublicUser(
  { db }: Pick<Deps, "db">,
  username: string,
  { visitor, page, pageSize }: OwnedPage & { readonly visitor: Reader | undefined },
): Promise<PublicUser> {
  return db.read(async (session) => {
    const user = await loadUser(session, username);
    const owned = await ownedBy(session, user.id);
    const isKnown = owned.length > 0 || user.id === visitor?.id || (await hasPublished(session, user.id));
    if (!isKnown) throw failure({ code: "user_not_found", username });
    const ids = await listedFor(session, owned, visitor);
    const total = Math.min(ids.length, OWNED_MAX);
    const shown = ids.slice((page - 1) * pageSize, Math.min(page * pageSize, OWNED_MAX));
    return {
      username: user.username,
      createdAt: user.createdAt.toISOString(),
      packages: await summariesOf(session, db.kind, shown),
      total,
      isCapped: owned.length > OWNED_MAX,
    };
  });
}
