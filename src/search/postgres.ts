import { sql } from "drizzle-orm";
import type { Term } from "./terms.ts";
import type { TextIndex } from "./text-index.ts";
import { SIMILARITY_MIN } from "./words.ts";

/* Terms and parts of names on Postgres: columns of package_search (drizzle/postgres). */

/**
 * A lexeme in quotes. Words are letters and digits and names have none, but nobody has to know that
 * here.
 */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

function termText(bucket: number, { text, isPrefix }: Term): string {
  return quoted(`${bucket}${text}`) + (isPrefix ? ":*" : "");
}

/** Text as a LIKE pattern that matches only itself. */
function likeText(text: string): string {
  return text.replaceAll(/[\\%_]/g, "\\$&");
}

/** Terms as the text of a tsvector. */
export function vectorText(terms: readonly string[]): string {
  return terms.map(quoted).join(" ");
}

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

  // Lateral with a limit, because the planner would rather read all of a table than look up a
  // thousand rows of it.
  joinRow: (rowLocator) =>
    sql`CROSS JOIN LATERAL (SELECT * FROM package_search WHERE ctid = ${rowLocator} LIMIT 1) AS s`,

  resembling(text) {
    // `%` uses the trigram index; its threshold is a setting, so the similarity is compared as
    // well.
    return sql`SELECT ctid AS row_locator FROM package_search
      WHERE name % ${text} AND similarity(name, ${text}) >= ${SIMILARITY_MIN}`;
  },
};
