import { sql } from "drizzle-orm";
import { coversColumn } from "./covers-column.ts";
import type { TextIndex } from "./text-index.ts";
import { PART_MIN_CHARS, RESEMBLING_MAX, SIMILARITY_MIN, wordsOf } from "./words.ts";

/* Full text on Postgres: a tsvector of words and a trigram index of names (drizzle/postgres/0001_search.sql). */

/** The highest position a tsvector keeps. */
const POSITION_MAX = 16_383;

/**
 * Writes a tsvector by hand: `'word':1A 'other':2D`. Words are letters and digits only, so nothing needs escaping,
 * and Postgres' own parser, which takes `a.b` for a host and `-` for a sign, has no say.
 */
function vectorText(weighted: readonly (readonly [weight: string, text: string])[]): string {
  const lexemes: string[] = [];
  for (const [weight, text] of weighted) {
    for (const word of wordsOf(text)) {
      lexemes.push(`'${word}':${Math.min(lexemes.length + 1, POSITION_MAX)}${weight}`);
    }
  }
  return lexemes.join(" ");
}

/** Text as a LIKE pattern that matches only itself. */
function likeText(text: string): string {
  return text.replaceAll(/[\\%_]/g, "\\$&");
}

export const postgresTextIndex: TextIndex = {
  async put(session, { packageId, name, tags, authors, description }) {
    const vector = vectorText([
      ["A", name],
      ["B", tags.join(" ")],
      ["C", authors.join(" ")],
      ["D", description],
    ]);
    await session.rows(
      sql`INSERT INTO package_words (package_id, name, words) VALUES (${packageId}, ${name}, ${vector}::tsvector)
        ON CONFLICT (package_id) DO UPDATE SET name = excluded.name, words = excluded.words`,
    );
  },

  matching({ text, words }) {
    const query = sql`${words.map((word) => `'${word}':*`).join(" & ")}::tsquery`;
    const byWords = sql`SELECT package_id AS id, ts_rank('{0.1, 0.3, 0.6, 1.0}', words, ${query}) AS score
      FROM package_words WHERE words @@ ${query}`;
    if (words.length === 0 || text.length < PART_MIN_CHARS) return byWords;
    return sql`${byWords} OR name LIKE ${`%${likeText(text)}%`}`;
  },

  async resembling(session, text, readable) {
    if (text.length < PART_MIN_CHARS) return [];
    // `%` uses the trigram index; its threshold is a setting, so the similarity is compared as well.
    const rows = await session.rows<{ id: string }>(
      sql`SELECT package_id AS id FROM package_words
        WHERE name % ${text} AND similarity(name, ${text}) >= ${SIMILARITY_MIN} AND ${coversColumn(readable, sql`name`)}
        ORDER BY similarity(name, ${text}) DESC, name COLLATE "C" LIMIT ${RESEMBLING_MAX}`,
    );
    return rows.map(({ id }) => Number(id));
  },
};
