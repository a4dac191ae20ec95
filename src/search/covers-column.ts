import { type SQL, sql } from "drizzle-orm";

/**
 * `coversName` of accounts/actor.ts as SQL, without a pattern language whose characters a name
 * could have.
 */
export function coversColumn(patterns: readonly string[] | undefined, name: SQL): SQL {
  if (patterns === undefined) return sql`TRUE`;
  const covers = patterns.map((pattern) => {
    const beginning = pattern.slice(0, -1);
    return pattern.endsWith("*")
      ? sql`substr(${name}, 1, ${beginning.length}) = ${beginning}`
      : sql`${name} = ${pattern}`;
  });
  return sql`(${sql.join([sql`FALSE`, ...covers], sql` OR `)})`;
}
