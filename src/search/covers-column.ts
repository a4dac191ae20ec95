import { type SQL, sql } from "drizzle-orm";

/**
 * `coversName` of accounts/actor.ts as SQL. It uses no pattern language, because a name could
 * contain its special characters.
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
