import { type SQL, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { rowArrays } from "../db/statement.ts";
import { type Term, wordPrefixTerm, wordTerm } from "./terms.ts";
import type { TextIndex } from "./text-index.ts";

/**
 * The buckets in which a word is counted to tell how common it is. They have some thousand packages
 * in a large registry, and few in a small one.
 */
const SAMPLED_BUCKETS = [4, 3];
const COMMON_MIN = 100;

/**
 * Returns the term that a package must have for each of several words. To find packages with two
 * words that begin many others, a database would have to merge all terms with these prefixes. So a
 * word that is common as a whole word matches only itself here.
 */
export async function termsOfWords(
  session: DbSession,
  kind: Database["kind"],
  index: TextIndex,
  { words, isUsual }: { readonly words: readonly string[]; readonly isUsual: boolean },
): Promise<Term[]> {
  const counts = words.map((word) => sql`(SELECT count(*) FROM (${sampled(index, word)}) AS sampled)`);
  const [row = []] = await rowArrays(session, kind, sql`SELECT ${sql.join(counts, sql`, `)}`, isUsual);
  return words.map((word, at) => (Number(row[at]) >= COMMON_MIN ? wordTerm(word) : wordPrefixTerm(word)));
}

function sampled(index: TextIndex, word: string): SQL {
  const buckets = SAMPLED_BUCKETS.map((bucket) => index.matching(bucket, [[wordTerm(word)]]));
  return sql`SELECT row_locator FROM (${sql.join(buckets, sql` UNION ALL `)}) AS buckets LIMIT ${COMMON_MIN}`;
}
