import { asc, eq, gt, type SQL, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { parsePackageName } from "../domain/package-name.ts";
import { errorFields } from "../runtime/logger.ts";
import { tryLockPackage } from "./find-package.ts";
import { versionOf } from "./find-version.ts";
import { rebuildListing } from "./rebuild-listing.ts";

/*
 * Migrations that only this code can finish. A migration inserts a row into `pending_rebuilds`.
 * Servers work through the packages or versions in the order of their ids, save in the row how far
 * they are, and delete the row at the end. Whatever is published meanwhile is derived by the new
 * code anyway.
 */

/** Versions of one transaction. Each takes two parameters. */
const VERSIONS_BATCH = 500;
/** Packages of one transaction. Others that write wait for it. */
const PACKAGES_BATCH = 25;
/** How long other writers have between two transactions. */
const PAUSE_MS = 10;
const RETRY_AFTER_MS = 1_000;

type What = "version_order" | "listings";
type RebuildDeps = Pick<Deps, "db" | "logger">;

/**
 * Returns the id of the last row that is done, and keeps other servers from the same work until the
 * transaction ends. Undefined if nothing is pending.
 */
async function lockPending({ query, tables: { pendingRebuilds } }: DbSession, what: What): Promise<number | undefined> {
  const [row] = await query
    .update(pendingRebuilds)
    .set({ doneId: sql`${pendingRebuilds.doneId}` })
    .where(eq(pendingRebuilds.what, what))
    .returning({ doneId: pendingRebuilds.doneId });
  return row?.doneId;
}

/** Saves that everything up to an id is done; undefined means everything. */
async function saveDone(
  { query, tables: { pendingRebuilds } }: DbSession,
  what: What,
  doneId: number | undefined,
): Promise<void> {
  const isThis = eq(pendingRebuilds.what, what);
  if (doneId === undefined) await query.delete(pendingRebuilds).where(isThis);
  else await query.update(pendingRebuilds).set({ doneId }).where(isThis);
}

/** A table of (column1: id, column2: order). */
function orders(rows: readonly { readonly id: number; readonly version: string }[]): SQL {
  const values = rows.map((row) => sql`(CAST(${row.id} AS bigint), CAST(${versionOf(row).order} AS text))`);
  return sql`(VALUES ${sql.join(values, sql`, `)}) AS more`;
}

/** Writes the order of the next versions. Returns false when none is left. */
async function orderVersions(session: DbSession): Promise<boolean> {
  const doneId = await lockPending(session, "version_order");
  if (doneId === undefined) return false;
  const { query, tables } = session;
  const { id, version } = tables.versions;
  const rows = await query
    .select({ id, version })
    .from(tables.versions)
    .where(gt(id, doneId))
    .orderBy(asc(id))
    .limit(VERSIONS_BATCH);
  if (rows.length > 0) {
    await session.rows(
      sql`UPDATE versions SET version_order = more.column2 FROM ${orders(rows)} WHERE id = more.column1`,
    );
  }
  await saveDone(session, "version_order", rows.at(-1)?.id);
  return rows.length > 0;
}

/**
 * Rebuilds the listings of the next packages, in the positions that they have in lists. It stops
 * before a package that another transaction holds. Returns false when none is left.
 */
async function rebuildListings({ db }: RebuildDeps, session: DbSession): Promise<boolean> {
  const doneId = await lockPending(session, "listings");
  if (doneId === undefined) return false;
  const { packages } = session.tables;
  const rows = await session.query
    .select({ id: packages.id, name: packages.name })
    .from(packages)
    .where(gt(packages.id, doneId))
    .orderBy(asc(packages.id))
    .limit(PACKAGES_BATCH);
  let lastId = rows.length === 0 ? undefined : doneId;
  for (const { id, name } of rows) {
    const parsed = parsePackageName(name);
    const row = parsed && (await tryLockPackage(session, parsed));
    if (parsed !== undefined && row === undefined) break;
    if (row !== undefined) await rebuildListing(session, db.kind, row, row.updatedAt);
    lastId = id;
  }
  await saveDone(session, "listings", lastId);
  return rows.length > 0;
}

/**
 * Versions that an earlier version published after the migration, while servers were replaced one
 * after the other, have no order. They are among the newest, so only these are looked at.
 */
const NEWEST_LOOKED_AT = 50_000;

async function findUnordered(session: DbSession): Promise<number | undefined> {
  const [row] = await session.rows<{ id: number | string | null }>(
    sql`SELECT min(id) AS id FROM versions WHERE version_order = ''
      AND id > (SELECT coalesce(max(id), 0) FROM versions) - ${NEWEST_LOOKED_AT}`,
  );
  return row === undefined || row.id === null ? undefined : Number(row.id);
}

/** Runs what migrations left to be derived. */
export class PendingRebuilds {
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(readonly deps: RebuildDeps) {}

  /**
   * Writes the order of versions, which reads rely on, and the first listings. The other listings
   * follow in the background: until then a search finds their packages by the earlier words.
   */
  async start(): Promise<void> {
    const { db } = this.deps;
    const unordered = await db.read(findUnordered);
    if (unordered !== undefined) {
      await db.write(({ query, tables }) =>
        query
          .insert(tables.pendingRebuilds)
          .values({ what: "version_order", doneId: unordered - 1 })
          .onConflictDoNothing(),
      );
    }
    const isPending = await db.read(({ query, tables }) => query.select().from(tables.pendingRebuilds).limit(1));
    if (isPending.length === 0) return;
    while (await db.write(orderVersions));
    if (await this.#rebuildSome()) this.#running = this.#rebuildAll();
  }

  async #rebuildAll(): Promise<void> {
    for (let isLeft = true; isLeft && !this.#isClosed; isLeft = await this.#rebuildSome()) await Bun.sleep(PAUSE_MS);
  }

  /** Returns whether some may be left. A full disk, for one, must not keep readers out. */
  async #rebuildSome(): Promise<boolean> {
    const { db, logger } = this.deps;
    try {
      return await db.write((session) => rebuildListings(this.deps, session));
    } catch (cause) {
      logger.warn("rebuild_failing", errorFields(cause));
      await Bun.sleep(RETRY_AFTER_MS);
      return true;
    }
  }

  /** Resolves when everything is rebuilt. */
  finished(): Promise<void> {
    return this.#running;
  }

  /** Stops after the current transaction. The next start continues. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }
}
