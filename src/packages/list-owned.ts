import { and, asc, eq, gt } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import { summariesOf } from "./read.ts";
import type { PackageSummary } from "./views.ts";

/** The most packages of one page. */
const PAGE_MAX = 50;

/** Some packages of an account, and the name after which to continue; null at the end. */
export interface OwnedPackages {
  readonly items: readonly PackageSummary[];
  readonly next: string | null;
}

/**
 * Lists the packages that an account owns, by name, with those that are in no other list because
 * all their versions are yanked or in quarantine. `after` is the name after which the page begins.
 */
export function listOwned(
  { db }: Pick<Deps, "db">,
  { user }: SessionActor,
  after: string | undefined,
): Promise<OwnedPackages> {
  return db.read(async (session) => {
    const { packageOwners, packages } = session.tables;
    const isLater = after === undefined ? undefined : gt(packages.name, after.replaceAll("\0", ""));
    const found = await session.query
      .select({ id: packages.id, name: packages.name })
      .from(packageOwners)
      .innerJoin(packages, eq(packages.id, packageOwners.packageId))
      .where(and(eq(packageOwners.userId, user.id), isLater))
      .orderBy(asc(packages.name))
      .limit(PAGE_MAX + 1);
    const shown = found.slice(0, PAGE_MAX);
    const ids = shown.map(({ id }) => id);
    const next = found.length > PAGE_MAX ? (shown.at(-1)?.name ?? null) : null;
    return { items: await summariesOf(session, db.kind, ids), next };
  });
}
