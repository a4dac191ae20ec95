import { sql } from "drizzle-orm";
import type { Term } from "./terms.ts";
import type { TextIndex } from "./text-index.ts";
import { shortestPartsOf } from "./words.ts";

/*
 * The text index of SQLite: two FTS5 tables, package_terms and package_trigrams (drizzle/sqlite).
 */

/** The number of names that share trigrams and are compared one by one. */
const RESEMBLING_COMPARED_MAX = 500;

/**
 * Quotes an FTS5 string. Between double quotes only the quote itself is syntax, and it is doubled.
 */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/**
 * The tokenizer of package_terms takes every character above ASCII, but no plus. Words are folded,
 * so none has this form of it.
 */
function tokenText(term: string): string {
  return term.replaceAll("+", "\uff0b");
}

function termText(bucket: number, { text, isPrefix }: Term): string {
  return quoted(tokenText(`${bucket}${text}`)) + (isPrefix ? " *" : "");
}

/** Returns terms as the text of a row of package_terms. */
export function termsText(terms: readonly string[]): string {
  return tokenText(terms.join(" "));
}

function trigramMatch(text: string): string {
  return shortestPartsOf(text).map(quoted).join(" OR ");
}

/**
 * Full text on SQLite: two FTS5 tables beside the search rows, for terms and for trigrams of
 * names.
 */
export const sqliteTextIndex: TextIndex = {
  rowLocator: sql`package_id`,

  column: () => undefined,

  async add(session, packageId, name, terms) {
    await session.rows(sql`INSERT INTO package_terms (rowid, body) VALUES (${packageId}, ${termsText(terms)})`);
    await session.rows(sql`INSERT INTO package_trigrams (rowid, name) VALUES (${packageId}, ${name})`);
  },

  async remove(session, packageId) {
    await session.rows(sql`DELETE FROM package_terms WHERE rowid = ${packageId}`);
    await session.rows(sql`DELETE FROM package_trigrams WHERE rowid = ${packageId}`);
  },

  matching(bucket, conditions) {
    const parts = conditions.map((terms) => `(${terms.map((term) => termText(bucket, term)).join(" OR ")})`);
    return sql`SELECT rowid AS row_locator FROM package_terms WHERE package_terms MATCH ${parts.join(" AND ")}`;
  },

  contains: (text, part) => sql`instr(${text}, ${part}) > 0`,

  namesContaining(text) {
    return sql`SELECT rowid AS row_locator FROM package_trigrams WHERE package_trigrams MATCH ${quoted(text)}`;
  },

  texts: (texts) => sql`SELECT value AS text FROM json_each(${JSON.stringify(texts)})`,

  joinRow: (rowLocator) => sql`CROSS JOIN package_search AS s ON s.package_id = ${rowLocator}`,

  resembling(text) {
    return sql`SELECT rowid AS row_locator FROM package_trigrams WHERE package_trigrams MATCH ${trigramMatch(text)}
      ORDER BY rank LIMIT ${RESEMBLING_COMPARED_MAX}`;
  },
};
