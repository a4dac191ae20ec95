import { and, asc, desc, eq, inArray, isNotNull } from "drizzle-orm";
import type { EventKind } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { type Quarantinable, type QuarantineView, quarantineView } from "../packages/views.ts";
import { type StatusReason, WHOLE_PACKAGE } from "../tlog/status-leaf.ts";

/** The most packages, and the most versions, that are listed. */
const LISTED_MAX = 200;

/** A package or a version in quarantine. */
export interface Quarantined {
  readonly name: string;
  /** Null for a whole package. */
  readonly version: string | null;
  readonly quarantine: QuarantineView;
  /** The category in the log. */
  readonly category: StatusReason;
  /** The administrator who put it there or last changed why. Null if no event says it. */
  readonly by: string | null;
}

/** A row of a package or a version, with the version that its statuses in the log have. */
interface QuarantinedRow extends Quarantinable {
  readonly packageId: number;
  readonly name: string;
  readonly version: string;
}

/**
 * Versions in quarantine are found by their statuses in the log, which are few. Every quarantine of
 * a version has one.
 */
function quarantinedVersions({ query, tables: { packages, packageStatuses, versions } }: DbSession) {
  const { quarantinedAt, quarantineReason, packageId, version } = versions;
  const isStatusOf = and(eq(packageId, packageStatuses.packageId), eq(version, packageStatuses.version));
  return query
    .selectDistinct({ packageId, name: packages.name, version, quarantinedAt, quarantineReason })
    .from(packageStatuses)
    .innerJoin(versions, and(isStatusOf, isNotNull(quarantinedAt)))
    .innerJoin(packages, eq(packages.id, packageId))
    .orderBy(desc(quarantinedAt), asc(packages.name), asc(version))
    .limit(LISTED_MAX);
}

function quarantinedPackages({ query, tables: { packages, packageStatuses } }: DbSession) {
  const { quarantinedAt, quarantineReason, name } = packages;
  const { packageId, version } = packageStatuses;
  const isStatusOf = and(eq(packages.id, packageId), eq(version, WHOLE_PACKAGE));
  return query
    .selectDistinct({ packageId, name, version, quarantinedAt, quarantineReason })
    .from(packageStatuses)
    .innerJoin(packages, and(isStatusOf, isNotNull(quarantinedAt)))
    .orderBy(desc(quarantinedAt), asc(name))
    .limit(LISTED_MAX);
}

const keyOf = (package_: number | string, version: string) => `${package_} ${version}`;

/** Loads the category of the last status of each package and version of these packages. */
async function loadCategories({ query, tables: { packageStatuses } }: DbSession, rows: readonly QuarantinedRow[]) {
  const { packageId, version, category, seq } = packageStatuses;
  const statuses = await query
    .select({ packageId, version, category })
    .from(packageStatuses)
    .where(inArray(packageId, [...new Set(rows.map((row) => row.packageId))]))
    .orderBy(asc(seq));
  return new Map(statuses.map((status) => [keyOf(status.packageId, status.version), status.category]));
}

const QUARANTINES: EventKind[] = ["package.quarantined", "version.quarantined"];

/** Loads who made the last quarantine of each package and version of these packages. */
async function loadActors({ query, tables: { events } }: DbSession, rows: readonly QuarantinedRow[]) {
  const { packageName, version, username, kind, transactionId, id } = events;
  const names = [...new Set(rows.map(({ name }) => name))];
  const made = await query
    .select({ packageName, version, username })
    .from(events)
    .where(and(inArray(packageName, names), inArray(kind, QUARANTINES)))
    .orderBy(asc(transactionId), asc(id));
  return new Map(made.map((one) => [keyOf(one.packageName ?? "", one.version ?? WHOLE_PACKAGE), one.username]));
}

/** Lists what is in quarantine, for administrators: whole packages, then versions, the newest first. */
export function listQuarantined({ db }: Pick<Deps, "db">): Promise<Quarantined[]> {
  return db.read(async (session) => {
    const rows = [...(await quarantinedPackages(session)), ...(await quarantinedVersions(session))];
    if (rows.length === 0) return [];
    const [categories, actors] = [await loadCategories(session, rows), await loadActors(session, rows)];
    return rows.flatMap(({ packageId, name, version, ...row }) => {
      const quarantine = quarantineView(row);
      if (quarantine === null) return [];
      const category = categories.get(keyOf(packageId, version)) ?? "policy";
      const by = actors.get(keyOf(name, version)) ?? null;
      return [{ name, version: version === WHOLE_PACKAGE ? null : version, quarantine, category, by }];
    });
  });
}
