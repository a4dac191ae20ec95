import { asc, eq, sql } from "drizzle-orm";
import type { TestRegistry } from "../support/registry.ts";

/**
 * The counts of all tables, every account, and everything of one package. Equal before and after
 * means that nothing was done.
 */
export function stateOf({ deps }: TestRegistry, path: string) {
  const name = /^\/api\/packages\/([^/?]+)/.exec(path)?.[1] ?? "";
  return deps.db.read(async ({ query, rows, tables }) => {
    const counts = Object.entries(tables).map(
      ([of, table]) => sql`(SELECT count(*) FROM ${table}) AS ${sql.identifier(of)}`,
    );
    const [counted] = await rows(sql`SELECT ${sql.join(counts, sql`, `)}`);
    if (counted === undefined) throw new Error("Nothing was counted");
    const { packages, versions } = tables;
    const [row] = await query.select().from(packages).where(eq(packages.name, name));
    const published = await query
      .select()
      .from(versions)
      .where(eq(versions.packageId, row?.id ?? 0))
      .orderBy(asc(versions.id));
    const accounts = await query.select().from(tables.users).orderBy(asc(tables.users.id));
    // Downloads are counted with a delay.
    return {
      counted,
      accounts,
      row: { ...row, downloads: 0 },
      versions: published.map((each) => ({ ...each, downloads: 0 })),
    };
  });
}
