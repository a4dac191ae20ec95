import { sql } from "drizzle-orm";
import type { Term } from "./terms.ts";
import type { TextIndex } from "./text-index.ts";
import { SIMILARITY_MIN } from "./words.ts";

/* The text index of Postgres: columns of package_search (drizzle/postgres). */

/**
 * Quotes a lexeme. Words are letters and digits, and names contain no quotes, but this does not
 * rely on it.
 */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

function termText(bucket: number, { text, isPrefix }: Term): string {
  return quoted(`${bucket}${text}`) + (isPrefix ? ":*" : "");
}

/** Escapes a text as a LIKE pattern that matches only itself. */
function likeText(text: string): string {
  return text.replaceAll(/[\\%_]/g, "\\$&");
}

/** Returns terms as the text of a tsvector. */
export function vectorText(terms: readonly string[]): string {
  return terms.map(quoted).join(" ");
}

/** Full text on Postgres: a GIN index over a tsvector column of the search row itself. */
export const postgresTextIndex: TextIndex = {
  rowLocator: sql`ctid`,

  column: (terms) => ({ name: sql`terms`, value: sql`${vectorText(terms)}::tsvector` }),

  add: async () => undefined,

  remove: async () => undefined,

  matching(bucket, conditions) {
    const parts = conditions.map((terms) => `(${terms.map((term) => termText(bucket, term)).join(" | ")})`);
    return sql`SELECT ctid AS row_locator FROM package_search WHERE terms @@ ${parts.join(" & ")}::tsquery`;
  },

  contains: (text, part) => sql`strpos(${text}, ${part}) > 0`,

  namesContaining(text) {
    return sql`SELECT ctid AS row_locator FROM package_search WHERE name LIKE ${`%${likeText(text)}%`}`;
  },

  texts(texts) {
    return sql`SELECT text FROM jsonb_array_elements_text(CAST(CAST(${JSON.stringify(texts)} AS text) AS jsonb)) AS texts (text)`;
  },

  // A lateral join with a limit, because the planner would rather read a whole table than look up a
  // thousand rows of it.
  joinRow: (rowLocator) =>
    sql`CROSS JOIN LATERAL (SELECT * FROM package_search WHERE ctid = ${rowLocator} LIMIT 1) AS s`,

  resembling(text) {
    // `%` uses the trigram index. Its threshold is a setting, so the similarity is compared as
    // well.
    return sql`SELECT ctid AS row_locator FROM package_search
      WHERE name % ${text} AND similarity(name, ${text}) >= ${SIMILARITY_MIN}`;
  },
};
