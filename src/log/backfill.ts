import { and, asc, eq, isNotNull, isNull } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { versionLeaf } from "../tlog/leaf.ts";
import { WHOLE_PACKAGE } from "../tlog/status-leaf.ts";
import { versionDetails } from "./leaf-details.ts";
import { lockState } from "./log-rows.ts";
import { logStatus, type StatusSubject } from "./log-status.ts";
import { logYanks } from "./log-yanks.ts";
import type { TransparencyLog } from "./transparency-log.ts";

/** The leaves of one transaction, which holds the lock of the log. */
const BATCH_SIZE = 500;
/** Stands for a time that is not known. */
const EPOCH = new Date(0);

interface BackfillDeps {
  readonly db: Database;
  readonly log: TransparencyLog;
}

/** Logs versions that were published before there was a log, in the order of publishing. */
async function backfillVersions(session: DbSession, deps: BackfillDeps): Promise<number> {
  const { versions, packages, users } = session.tables;
  const rows = await session.query
    .select({ name: packages.name, row: versions, publisher: { id: users.id, username: users.username } })
    .from(versions)
    .innerJoin(packages, eq(packages.id, versions.packageId))
    .innerJoin(users, eq(users.id, versions.publishedBy))
    .where(isNull(versions.logIndex))
    .orderBy(asc(versions.id))
    .limit(BATCH_SIZE);
  if (rows.length === 0) return 0;
  const leaves = rows.map(({ name, row, publisher }) => ({
    leaf: versionLeaf({ name, ...row, scheme: row.signatureScheme }),
    details: versionDetails(publisher, row.publishedAt),
  }));
  const { firstIndex } = await deps.log.append(session, leaves);
  for (const [at, { row }] of rows.entries()) {
    await session.query
      .update(versions)
      .set({ logIndex: firstIndex + at })
      .where(eq(versions.id, row.id));
  }
  return rows.length;
}

/** Logs key changes that were made before there was a log. */
async function backfillKeyChanges(session: DbSession, deps: BackfillDeps): Promise<number> {
  const { packageKeyChanges: changes } = session.tables;
  const rows = await session.query
    .select({ id: changes.id, leaf: changes.leaf, at: changes.at })
    .from(changes)
    .where(isNull(changes.logIndex))
    .orderBy(asc(changes.id))
    .limit(BATCH_SIZE);
  if (rows.length === 0) return 0;
  const { firstIndex } = await deps.log.append(
    session,
    rows.map(({ leaf, at }) => ({ leaf, details: { at: at.toISOString() } })),
  );
  for (const [at, { id }] of rows.entries()) {
    await session.query
      .update(changes)
      .set({ logIndex: firstIndex + at })
      .where(eq(changes.id, id));
  }
  return rows.length;
}

/**
 * Logs yanks that were made before there was a log. Their author is unknown, so the leaf has `-` in
 * its place.
 */
async function backfillYanks(session: DbSession, deps: BackfillDeps): Promise<number> {
  const { versions, packages } = session.tables;
  const rows = await session.query
    .select({ row: versions, name: packages.name })
    .from(versions)
    .innerJoin(packages, eq(packages.id, versions.packageId))
    .where(and(isNotNull(versions.yankedAt), eq(versions.yankSeq, 0)))
    .orderBy(asc(versions.id))
    .limit(BATCH_SIZE);
  for (const { row, name } of rows)
    await logYanks(session, deps, "yank", "-", [{ ...row, name }], row.yankedAt ?? EPOCH);
  return rows.length;
}

/**
 * Logs packages that were quarantined before there was a log. Their reasons have no category, so
 * the leaves say `policy`.
 */
async function backfillQuarantinedPackages(session: DbSession, deps: BackfillDeps): Promise<number> {
  const { packages, packageStatuses: statuses } = session.tables;
  const isLogged = and(eq(statuses.packageId, packages.id), eq(statuses.version, WHOLE_PACKAGE));
  const rows = await session.query
    .select({
      packageId: packages.id,
      name: packages.name,
      at: packages.quarantinedAt,
      words: packages.quarantineReason,
    })
    .from(packages)
    .leftJoin(statuses, isLogged)
    .where(and(isNotNull(packages.quarantinedAt), isNull(statuses.seq)))
    .orderBy(asc(packages.id))
    .limit(BATCH_SIZE);
  for (const row of rows) await logQuarantine(session, deps, { ...row, version: WHOLE_PACKAGE });
  return rows.length;
}

/** Logs versions that were quarantined before there was a log. */
async function backfillQuarantinedVersions(session: DbSession, deps: BackfillDeps): Promise<number> {
  const { packages, versions, packageStatuses: statuses } = session.tables;
  const isLogged = and(eq(statuses.packageId, versions.packageId), eq(statuses.version, versions.version));
  const rows = await session.query
    .select({
      packageId: versions.packageId,
      name: packages.name,
      version: versions.version,
      at: versions.quarantinedAt,
      words: versions.quarantineReason,
    })
    .from(versions)
    .innerJoin(packages, eq(packages.id, versions.packageId))
    .leftJoin(statuses, isLogged)
    .where(and(isNotNull(versions.quarantinedAt), isNull(statuses.seq)))
    .orderBy(asc(versions.id))
    .limit(BATCH_SIZE);
  for (const row of rows) await logQuarantine(session, deps, row);
  return rows.length;
}

async function logQuarantine(
  session: DbSession,
  deps: BackfillDeps,
  row: StatusSubject & { readonly at: Date | null; readonly words: string | null },
) {
  const { at, words, ...subject } = row;
  const status = { action: "quarantine", category: "policy", words } as const;
  await logStatus(session, deps, subject, status, at ?? EPOCH);
}

/**
 * Logs everything that was published before this registry had a log. Servers that start at the same
 * time take turns.
 *
 * It runs once and then sets `hasExisting`. Afterwards nothing is published without being logged,
 * and a search through millions of versions would delay every start.
 */
export async function backfillLog(deps: BackfillDeps): Promise<void> {
  const quarantines = [backfillQuarantinedPackages, backfillQuarantinedVersions];
  for (const step of [backfillVersions, backfillKeyChanges, backfillYanks, ...quarantines]) {
    for (let logged = 1; logged > 0; ) {
      logged = await deps.db.write(async (session) => {
        await lockState(session);
        return step(session, deps);
      });
    }
  }
  await deps.db.write(({ query, tables: { logState } }) =>
    query.update(logState).set({ hasExisting: true }).where(eq(logState.id, 1)),
  );
}
