import { and, asc, desc, eq, isNotNull } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { type QuarantineView, quarantineView } from "../packages/views.ts";
import { WHOLE_PACKAGE } from "../tlog/status-leaf.ts";

/** The most packages, and the most versions, that are listed. */
const LISTED_MAX = 200;

/** A package or a version in quarantine. */
export interface Quarantined {
  readonly name: string;
  /** Null for a whole package. */
  readonly version: string | null;
  readonly quarantine: QuarantineView;
}

/**
 * Versions in quarantine are found by their statuses in the log, which are few. Every quarantine of
 * a version has one.
 */
function quarantinedVersions({ query, tables: { packages, packageStatuses, versions } }: DbSession) {
  const { quarantinedAt, quarantineReason } = versions;
  const isStatusOf = and(
    eq(versions.packageId, packageStatuses.packageId),
    eq(versions.version, packageStatuses.version),
  );
  return query
    .selectDistinct({ name: packages.name, version: versions.version, quarantinedAt, quarantineReason })
    .from(packageStatuses)
    .innerJoin(versions, and(isStatusOf, isNotNull(quarantinedAt)))
    .innerJoin(packages, eq(packages.id, versions.packageId))
    .orderBy(desc(quarantinedAt), asc(packages.name), asc(versions.version))
    .limit(LISTED_MAX);
}

function quarantinedPackages({ query, tables: { packages, packageStatuses } }: DbSession) {
  const { quarantinedAt, quarantineReason } = packages;
  const isStatusOf = and(eq(packages.id, packageStatuses.packageId), eq(packageStatuses.version, WHOLE_PACKAGE));
  return query
    .selectDistinct({ name: packages.name, quarantinedAt, quarantineReason })
    .from(packageStatuses)
    .innerJoin(packages, and(isStatusOf, isNotNull(quarantinedAt)))
    .orderBy(desc(quarantinedAt), asc(packages.name))
    .limit(LISTED_MAX);
}

/** Lists what is in quarantine, for administrators: whole packages, then versions, the newest first. */
export function listQuarantined({ db }: Pick<Deps, "db">): Promise<Quarantined[]> {
  return db.read(async (session) => {
    const whole = (await quarantinedPackages(session)).map((row) => ({ ...row, version: null }));
    return [...whole, ...(await quarantinedVersions(session))].flatMap(({ name, version, ...row }) => {
      const quarantine = quarantineView(row);
      return quarantine === null ? [] : [{ name, version, quarantine }];
    });
  });
}
