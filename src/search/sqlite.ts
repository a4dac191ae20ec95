import { sql } from "drizzle-orm";
import { coversColumn } from "./covers-column.ts";
import type { TextIndex } from "./text-index.ts";
import { PART_MIN_CHARS, RESEMBLING_MAX, SIMILARITY_MIN, similarity, wordsOf } from "./words.ts";

/* Full text on SQLite: two FTS5 tables, one of words and one of trigrams of names (drizzle/sqlite/0001_search.sql). */

/** How many names that share a trigram are compared one by one. */
const CANDIDATES_MAX = 500;

/** An FTS5 string: in double quotes nothing is syntax but the quote itself, which is doubled. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function trigramMatch(text: string): string {
  const parts: string[] = [];
  for (let at = 0; at + PART_MIN_CHARS <= text.length; at += 1) parts.push(quoted(text.slice(at, at + PART_MIN_CHARS)));
  return parts.join(" OR ");
}

export const sqliteTextIndex: TextIndex = {
  async put(session, { packageId, name, tags, authors, description }) {
    const columns = [name, tags.join(" "), authors.join(" "), description].map((text) => wordsOf(text).join(" "));
    const values = sql.join(columns, sql`, `);
    await session.rows(sql`DELETE FROM package_words WHERE rowid = ${packageId}`);
    await session.rows(
      sql`INSERT INTO package_words (rowid, name, tags, authors, description) VALUES (${packageId}, ${values})`,
    );
    await session.rows(sql`DELETE FROM package_trigrams WHERE rowid = ${packageId}`);
    await session.rows(sql`INSERT INTO package_trigrams (rowid, name) VALUES (${packageId}, ${name})`);
  },

  matching({ text, words }) {
    const query = words.length === 0 ? quoted("") : words.map((word) => `${quoted(word)}*`).join(" AND ");
    const byWords = sql`SELECT rowid AS id, -bm25(package_words, 10.0, 6.0, 3.0, 1.0) AS score
      FROM package_words WHERE package_words MATCH ${query}`;
    if (words.length === 0 || text.length < PART_MIN_CHARS) return byWords;
    return sql`SELECT id, max(score) AS score FROM (
      ${byWords} UNION ALL
      SELECT rowid AS id, 0.0 AS score FROM package_trigrams WHERE package_trigrams MATCH ${quoted(text)}
    ) GROUP BY id`;
  },

  async resembling(session, text, readable) {
    if (text.length < PART_MIN_CHARS) return [];
    const candidates = await session.rows<{ id: number; name: string }>(
      sql`SELECT rowid AS id, name FROM package_trigrams
        WHERE package_trigrams MATCH ${trigramMatch(text)} AND ${coversColumn(readable, sql`name`)} ORDER BY rank LIMIT ${CANDIDATES_MAX}`,
    );
    return candidates
      .map(({ id, name }) => ({ id, name, alike: similarity(name, text) }))
      .filter(({ alike }) => alike >= SIMILARITY_MIN)
      .sort((a, b) => b.alike - a.alike || (a.name < b.name ? -1 : 1))
      .slice(0, RESEMBLING_MAX)
      .map(({ id }) => id);
  },
};
