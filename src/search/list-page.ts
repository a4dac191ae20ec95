import { eq, type SQL, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import type { PackagePage, PackageSearch, Sort } from "./package-search.ts";

/*
 * Pages of all listed packages. A database that skips a hundred thousand rows reads them all; so
 * every thousandth row is remembered for a while, and a page is read from the one before it. Of
 * pages deeper than that, a list that changes shows what it would have shown up to a minute ago,
 * shifted by what was published since.
 */

const MARK_EVERY = 1_000;
const REMEMBERED_MS = 60_000;

/** Where a row stands in an order: its values of it. */
interface Mark {
  readonly value: number | string;
  readonly name: string;
}

/** `at[n]` is the row before position `n * MARK_EVERY`; the first is before all. */
interface Marks {
  readonly sinceMs: number;
  readonly at: (Mark | undefined)[];
}

type Order = Exclude<Sort, "relevance">;

const remembered = new WeakMap<Database, Map<Order, Marks>>();

function marksOf(db: Database, order: Order): Marks {
  const known = remembered.get(db) ?? new Map<Order, Marks>();
  remembered.set(db, known);
  const nowMs = performance.now();
  const marks = known.get(order);
  if (marks !== undefined && nowMs - marks.sinceMs < REMEMBERED_MS) return marks;
  const fresh = { sinceMs: nowMs, at: [undefined] };
  known.set(order, fresh);
  return fresh;
}

/** How many packages are listed. */
export async function countListed({ query, tables: { listedPackages } }: DbSession): Promise<number> {
  const [row] = await query.select().from(listedPackages).where(eq(listedPackages.id, 1));
  return row?.listed ?? 0;
}

/** A page of all listed packages. */
export async function listPage({ db }: { readonly db: Database }, asked: PackageSearch): Promise<PackagePage> {
  const order = asked.sort === "relevance" ? "downloads" : asked.sort;
  const offset = (asked.page - 1) * asked.pageSize;
  return db.read(async (session) => {
    const total = await countListed(session);
    if (offset >= total) return { ids: [], total, isCapped: false };
    const mark = await markBefore(session, db, order, Math.floor(offset / MARK_EVERY));
    const rows = await session.rows<{ id: number | string }>(
      rowsAfter(db, order, mark, offset % MARK_EVERY, asked.pageSize),
    );
    return { ids: rows.map(({ id }) => Number(id)), total, isCapped: false };
  });
}

/**
 * Walks to the mark of this number from the last one that is remembered, remembering those on the
 * way.
 */
async function markBefore(session: DbSession, db: Database, order: Order, number: number): Promise<Mark | undefined> {
  const { at } = marksOf(db, order);
  for (let last = at.length - 1; last < number; last += 1) {
    const [mark] = await session.rows<Mark>(rowsAfter(db, order, at[last], MARK_EVERY - 1, 1));
    // The list has become shorter.
    if (mark === undefined) return at[last];
    at[last + 1] = mark;
    // SQLite answers without waiting: others have their turn between two steps.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return at[number];
}

/** So many rows behind a mark and others that are skipped, in order, from an index alone. */
function rowsAfter({ kind }: Database, order: Order, mark: Mark | undefined, skipped: number, count: number): SQL {
  const bounds = sql`LIMIT ${count} OFFSET ${skipped}`;
  if (order === "name") {
    const behind = mark === undefined ? sql`TRUE` : sql`name > ${mark.name}`;
    return sql`SELECT id, name AS value, name FROM packages WHERE listed = TRUE AND ${behind} ORDER BY name ${bounds}`;
  }
  const column = order === "updated" ? sql`updated_at` : sql`downloads`;
  const rows = (where: SQL) => sql`SELECT id, ${column} AS value, name FROM packages WHERE listed = TRUE AND ${where}
    ORDER BY ${column} DESC, name`;
  if (mark === undefined) return sql`${rows(sql`TRUE`)} ${bounds}`;
  const value = order === "updated" && kind === "postgres" ? sql`${mark.value}::timestamptz` : sql`${mark.value}`;
  // Postgres does not merge the two by itself, but would sort all that is behind: so each gives no
  // more than is needed.
  const parts = [sql`${column} = ${value} AND name > ${mark.name}`, sql`${column} < ${value}`].map(
    (where) => sql`SELECT id, value, name FROM (${rows(where)} LIMIT ${skipped + count}) AS part`,
  );
  return sql`SELECT id, value, name FROM (${sql.join(parts, sql` UNION ALL `)}) AS rest ORDER BY value DESC, name ${bounds}`;
}
