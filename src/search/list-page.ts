import { eq, type SQL, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { cutPage, idsNeeded } from "./cut-page.ts";
import type { PackagePage, PackageSearch, Sort } from "./package-search.ts";

/*
 * Pages of all listed packages. A database that skips a hundred thousand rows reads them all. So
 * every thousandth row is cached for a while as an anchor, and a page is read from the anchor
 * before it.
 *
 * Anchors may be up to a minute old. A page after the first anchor is then the page of up to a
 * minute ago, shifted by what was published since.
 */

const ANCHOR_EVERY = 1_000;
const ANCHORS_MAX_AGE_MS = 60_000;
/** Up to this number of packages, a cursor can name all that the reader has. */
const SMALL_LIST_MAX = 1_000;

/** The sort values of a row, after which a page can start. */
interface Anchor {
  readonly value: number | string;
  readonly name: string;
}

/**
 * `at[n]` is the row before position `n * ANCHOR_EVERY`. The first is undefined: the start of the
 * list.
 */
interface Anchors {
  readonly sinceMs: number;
  readonly at: (Anchor | undefined)[];
}

type Order = Exclude<Sort, "relevance">;

const anchorCache = new WeakMap<Database, Map<Order, Anchors>>();

function anchorsOf(db: Database, order: Order): Anchors {
  const known = anchorCache.get(db) ?? new Map<Order, Anchors>();
  anchorCache.set(db, known);
  const nowMs = performance.now();
  const anchors = known.get(order);
  if (anchors !== undefined && nowMs - anchors.sinceMs < ANCHORS_MAX_AGE_MS) return anchors;
  const fresh = { sinceMs: nowMs, at: [undefined] };
  known.set(order, fresh);
  return fresh;
}

/** Returns how many packages are listed. */
export async function countListed({ query, tables: { listedPackages } }: DbSession): Promise<number> {
  const [row] = await query.select().from(listedPackages).where(eq(listedPackages.id, 1));
  return row?.listed ?? 0;
}

/** Returns a page of all listed packages. */
export async function listPage({ db }: { readonly db: Database }, asked: PackageSearch): Promise<PackagePage> {
  const order = asked.sort === "relevance" ? "downloads" : asked.sort;
  return db.read(async (session) => {
    const total = await countListed(session);
    const isSmall = asked.cursor === undefined ? total <= SMALL_LIST_MAX : asked.cursor.kind === "seen";
    const page = isSmall
      ? cutPage(await idsAfter(session, db, order, undefined, 0, idsNeeded(asked)), asked)
      : await largePage(session, db, order, total, asked);
    return { ...page, total, isCapped: false };
  });
}

async function idsAfter(
  session: DbSession,
  db: Database,
  order: Order,
  anchor: Anchor | undefined,
  skipped: number,
  count: number,
): Promise<number[]> {
  const rows = await session.rows<{ id: number | string }>(rowsAfter(db, order, anchor, skipped, count));
  return rows.map(({ id }) => Number(id));
}

/** Reads a page of a long list after the cursor, or from the anchor before the page. */
async function largePage(
  session: DbSession,
  db: Database,
  order: Order,
  total: number,
  { cursor, page, pageSize }: PackageSearch,
): Promise<Pick<PackagePage, "ids" | "next">> {
  const isAfter = cursor?.kind === "after";
  const offset = isAfter ? 0 : (page - 1) * pageSize;
  if (offset >= total) return { ids: [], next: undefined };
  const start = isAfter
    ? { value: valueFor(db, order, cursor.value), name: cursor.name }
    : await anchorBefore(session, db, order, Math.floor(offset / ANCHOR_EVERY));
  const found = await idsAfter(session, db, order, start, offset % ANCHOR_EVERY, pageSize + 1);
  const ids = found.slice(0, pageSize);
  const lastId = ids.at(-1);
  if (found.length <= pageSize || lastId === undefined) return { ids, next: undefined };
  const count = (isAfter ? cursor.count : offset) + ids.length;
  return { ids, next: await cursorAfter(session, order, lastId, count) };
}

/** Makes the cursor after a package. */
async function cursorAfter({ query, tables: { packages } }: DbSession, order: Order, id: number, count: number) {
  const { name, downloads, updatedAt } = packages;
  const [row] = await query.select({ name, downloads, updatedAt }).from(packages).where(eq(packages.id, id));
  if (row === undefined) return undefined;
  const value = order === "updated" ? row.updatedAt.getTime() : order === "downloads" ? row.downloads : 0;
  return { kind: "after", value, name: row.name, count } as const;
}

/** The sort value of a cursor as the rows of this database have it. */
function valueFor({ kind }: Database, order: Order, value: number): number | string {
  return order === "updated" && kind === "postgres" ? new Date(value).toISOString() : value;
}

/**
 * Finds the anchor of this number. It walks there from the last cached anchor, and caches the
 * anchors on the way.
 */
async function anchorBefore(
  session: DbSession,
  db: Database,
  order: Order,
  number: number,
): Promise<Anchor | undefined> {
  const { at } = anchorsOf(db, order);
  for (let last = at.length - 1; last < number; last += 1) {
    const [anchor] = await session.rows<Anchor>(rowsAfter(db, order, at[last], ANCHOR_EVERY - 1, 1));
    // The list has become shorter.
    if (anchor === undefined) return at[last];
    at[last + 1] = anchor;
    // SQLite answers synchronously, so other requests get a turn between two steps.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return at[number];
}

/**
 * A query of `count` rows after an anchor and `skipped` more rows, in order, from an index alone.
 */
function rowsAfter({ kind }: Database, order: Order, anchor: Anchor | undefined, skipped: number, count: number): SQL {
  const bounds = sql`LIMIT ${count} OFFSET ${skipped}`;
  if (order === "name") {
    const after = anchor === undefined ? sql`TRUE` : sql`name > ${anchor.name}`;
    return sql`SELECT id, name AS value, name FROM packages WHERE listed = TRUE AND ${after} ORDER BY name ${bounds}`;
  }
  const column = order === "updated" ? sql`updated_at` : sql`downloads`;
  const rows = (where: SQL) => sql`SELECT id, ${column} AS value, name FROM packages WHERE listed = TRUE AND ${where}
    ORDER BY ${column} DESC, name`;
  if (anchor === undefined) return sql`${rows(sql`TRUE`)} ${bounds}`;
  const value = order === "updated" && kind === "postgres" ? sql`${anchor.value}::timestamptz` : sql`${anchor.value}`;
  // Postgres does not merge the two parts in order but would sort everything after the anchor. So
  // each part is limited to the rows that are needed.
  const parts = [sql`${column} = ${value} AND name > ${anchor.name}`, sql`${column} < ${value}`].map(
    (where) => sql`SELECT id, value, name FROM (${rows(where)} LIMIT ${skipped + count}) AS part`,
  );
  return sql`SELECT id, value, name FROM (${sql.join(parts, sql` UNION ALL `)}) AS rest ORDER BY value DESC, name ${bounds}`;
}
