import { desc, eq, sql } from "drizzle-orm";
import { statement } from "../db/statement.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { isPrerelease } from "../domain/version.ts";
import { loadPackage } from "./find-package.ts";
import { versionOf } from "./find-version.ts";

/** A version as a list of versions shows it, without its manifest. */
export interface ListedVersion {
  readonly version: string;
  readonly isPrerelease: boolean;
  readonly publishedAt: string;
  readonly publishedBy: string;
  /** Bytes of the archive. */
  readonly size: number;
  readonly downloads: number;
  readonly isYanked: boolean;
  readonly yankReason: string | null;
  readonly yankMessage: string | null;
  readonly isQuarantined: boolean;
  readonly isTakenDown: boolean;
}

/** Some versions of a package, the highest first. */
export interface VersionList {
  readonly items: readonly ListedVersion[];
  /** How many versions the package has. */
  readonly total: number;
}

const outlines = statement<{ id: number; max: number; skipped: number }, VersionListRow>(({ query, tables }) => {
  const { users, versions } = tables;
  const { version, publishedAt, size, downloads, yankedAt, yankReason, yankMessage, quarantinedAt, takenDownAt } =
    versions;
  return query
    .select({
      ...{ version, publishedAt, size, downloads, yankedAt, yankReason, yankMessage, quarantinedAt, takenDownAt },
      publishedBy: users.username,
    })
    .from(versions)
    .innerJoin(users, eq(users.id, versions.publishedBy))
    .where(eq(versions.packageId, sql.placeholder("id")))
    .orderBy(desc(versions.versionOrder))
    .limit(sql.placeholder("max"))
    .offset(sql.placeholder("skipped"));
});

interface VersionListRow {
  readonly version: string;
  readonly publishedAt: Date;
  readonly publishedBy: string;
  readonly size: number;
  readonly downloads: number;
  readonly yankedAt: Date | null;
  readonly yankReason: string | null;
  readonly yankMessage: string | null;
  readonly quarantinedAt: Date | null;
  readonly takenDownAt: Date | null;
}

function listed({ yankedAt, quarantinedAt, takenDownAt, publishedAt, ...row }: VersionListRow): ListedVersion {
  return {
    ...row,
    isPrerelease: isPrerelease(versionOf(row)),
    publishedAt: publishedAt.toISOString(),
    isYanked: yankedAt !== null,
    isQuarantined: quarantinedAt !== null,
    isTakenDown: takenDownAt !== null,
  };
}

/** Lists versions of a package, the highest first. Throws `package_not_found`. */
export function listVersions(
  { db }: Pick<Deps, "db">,
  name: PackageName,
  { skipped = 0, max }: { readonly skipped?: number; readonly max: number },
): Promise<VersionList> {
  return db.read(async (session) => {
    const { id } = await loadPackage(session, name);
    const { query, tables } = session;
    const rows = await outlines(session, { id, max, skipped });
    return { items: rows.map(listed), total: await query.$count(tables.versions, eq(tables.versions.packageId, id)) };
  });
}
