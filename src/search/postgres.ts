import { sql } from "drizzle-orm";
import type { Term } from "./terms.ts";
import type { TextIndex } from "./text-index.ts";
import { SIMILARITY_MIN } from "./words.ts";

/* Terms and parts of names on Postgres: a tsvector without positions, and trigrams (drizzle/postgres). */

/** A lexeme in quotes. Words are letters and digits and names have none, but nobody has to know that here. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

function termText(tier: number, { text, isPrefix }: Term): string {
  return quoted(`${tier}${text}`) + (isPrefix ? ":*" : "");
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
  async add(session, packageId, _name, terms) {
    const vector = vectorText(terms);
    await session.rows(sql`INSERT INTO package_terms (package_id, terms) VALUES (${packageId}, ${vector}::tsvector)`);
  },

  async remove(session, packageId) {
    await session.rows(sql`DELETE FROM package_terms WHERE package_id = ${packageId}`);
  },

  having(tier, conditions) {
    const parts = conditions.map((terms) => `(${terms.map((term) => termText(tier, term)).join(" | ")})`);
    return sql`SELECT package_id AS id FROM package_terms WHERE terms @@ ${parts.join(" & ")}::tsquery`;
  },

  contains: (text, part) => sql`strpos(${text}, ${part}) > 0`,

  containing(text) {
    return sql`SELECT package_id AS id FROM package_search WHERE name LIKE ${`%${likeText(text)}%`}`;
  },

  // Lateral with a limit, because the planner would rather read all of a table than look up a thousand rows of it.
  rowOf: (id) => sql`CROSS JOIN LATERAL (SELECT * FROM package_search WHERE package_id = ${id} LIMIT 1) AS s`,

  resembling(text) {
    // `%` uses the trigram index; its threshold is a setting, so the similarity is compared as well.
    return sql`SELECT package_id AS id, name FROM package_search
      WHERE name % ${text} AND similarity(name, ${text}) >= ${SIMILARITY_MIN}`;
  },
};
