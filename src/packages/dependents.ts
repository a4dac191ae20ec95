import { type SQL, sql } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { foldName, type PackageName } from "../domain/package-name.ts";
import { coversColumn } from "../search/covers-column.ts";
import { loadPackage } from "./find-package.ts";
import { summariesOf } from "./read.ts";
import type { PackageSummary } from "./views.ts";

/** What a reader asks of the dependents of a package. */
interface DependentsQuestion {
  /** The names and patterns of packages that may be shown; undefined means all of them. */
  readonly readable: readonly string[] | undefined;
  /** The id of the last package that the reader has. */
  readonly after: number;
  readonly pageSize: number;
}

/** Some of the packages that depend on another one. */
interface Dependents {
  readonly items: readonly PackageSummary[];
  /** The id to go on after; undefined at the end. */
  readonly next: number | undefined;
}

/**
 * Reads the listed packages whose shown version depends on a package, the oldest first. That order
 * needs no more of the index than a page, and new packages come at its end. Throws
 * `package_not_found`.
 */
export async function readDependents(
  { db }: Pick<Deps, "db">,
  name: PackageName,
  { readable, after, pageSize }: DependentsQuestion,
): Promise<Dependents> {
  return db.read(async (session) => {
    const { name: existing } = await loadPackage(session, name);
    const rows = await session.rows<{ id: number | string }>(
      dependentsOf(foldName(existing), readable, after, pageSize + 1),
    );
    const ids = rows.map(({ id }) => Number(id));
    const page = ids.slice(0, pageSize);
    return { items: await summariesOf(session, db.kind, page), next: ids.length > pageSize ? page.at(-1) : undefined };
  });
}

function dependentsOf(dependency: string, readable: readonly string[] | undefined, after: number, max: number): SQL {
  const isFound = sql`d.dependency = ${dependency} AND d.package_id > ${after}`;
  const covered =
    readable === undefined
      ? sql``
      : sql`JOIN packages AS p ON p.id = d.package_id AND ${coversColumn(readable, sql`p.name`)}`;
  return sql`SELECT d.package_id AS id FROM package_dependencies AS d ${covered} WHERE ${isFound}
    ORDER BY d.package_id LIMIT ${max}`;
}
