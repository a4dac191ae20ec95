import { and, desc, eq, isNull } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import { type TokenView, tokenView } from "./token-view.ts";

/**
 * More than the live tokens one account may have, so that some recently expired ones are listed
 * too.
 */
const LISTED_MAX = 200;

/**
 * Lists the tokens of an account that were not revoked, the newest first. Expired tokens are
 * included, so that their owner sees what has ended.
 */
export async function listTokens({ db }: Pick<Deps, "db">, { user }: SessionActor): Promise<TokenView[]> {
  const rows = await db.read(({ query, tables: { apiTokens } }) =>
    query
      .select()
      .from(apiTokens)
      .where(and(eq(apiTokens.userId, user.id), isNull(apiTokens.revokedAt)))
      .orderBy(desc(apiTokens.createdAt), desc(apiTokens.id))
      .limit(LISTED_MAX),
  );
  return rows.map(tokenView);
}
