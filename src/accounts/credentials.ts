import { createHash } from "node:crypto";
import { and, eq, gt, isNull, lte, or, sql } from "drizzle-orm";
import { statement, valueFor } from "../db/statement.ts";
import type { Deps } from "../deps.ts";
import { Failure, failure } from "../errors.ts";
import { type Actor, type SessionActor, sessionActor, type TokenGrant, tokenActor } from "./actor.ts";
import type { UserRow } from "./user.ts";

/**
 * The shortest time between two writes of a token's last use. Otherwise every read would be a
 * write.
 */
const LAST_USE_EVERY_MS = 60_000;

type FindDeps = Pick<Deps, "db" | "clock" | "readOnly">;

/** Finds the account of a session that exists and has not expired. */
export const sessionById = statement<{ id: string; userId: string; now: Date }, { user: UserRow }>(
  ({ query, tables: { sessions, users } }) =>
    query
      .select({ user: users })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .where(
        and(
          eq(sessions.id, sql.placeholder("id")),
          eq(sessions.userId, sql.placeholder("userId")),
          gt(sessions.expiresAt, valueFor(sessions.expiresAt, "now")),
        ),
      ),
);

type TokenRow = TokenGrant & { readonly lastUsedAt: Date | null };

const tokenByDigest = statement<{ digest: string; now: Date }, { token: TokenRow; user: UserRow }>(
  ({ query, tables: { apiTokens, users } }) =>
    query
      .select({ token: apiTokens, user: users })
      .from(apiTokens)
      .innerJoin(users, eq(users.id, apiTokens.userId))
      .where(
        and(
          eq(apiTokens.tokenSha256, sql.placeholder("digest")),
          isNull(apiTokens.revokedAt),
          gt(apiTokens.expiresAt, valueFor(apiTokens.expiresAt, "now")),
        ),
      ),
);

/** Finds a session that exists and has not expired, with its account. Throws `account_disabled`. */
export async function findSession(
  { db, clock }: FindDeps,
  id: string,
  userId: string,
  address: string | null,
): Promise<SessionActor | undefined> {
  const [row] = await db.read((session) => sessionById(session.batched(), { id, userId, now: clock() }));
  if (row === undefined) return undefined;
  if (row.user.disabledAt !== null) throw failure({ code: "account_disabled" });
  return sessionActor(row.user, id, address);
}

/**
 * Returns the digest that is stored in place of a token. A plain digest suffices, because nobody
 * can guess the 178 random bits of a token.
 */
export function tokenDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * Finds a token that is neither revoked nor expired, with its account, and records that it was
 * used. Throws `account_disabled`.
 */
export async function findToken(
  { db, clock, readOnly }: FindDeps,
  text: string,
  address: string | null,
): Promise<Actor | undefined> {
  const now = clock();
  const [row] = await db.read((session) => tokenByDigest(session.batched(), { digest: tokenDigest(text), now }));
  if (row === undefined) return undefined;
  if (row.user.disabledAt !== null) throw failure({ code: "account_disabled" });
  if (!readOnly.refusesWrites) await recordTokenUse({ db }, row.token.id, row.token.lastUsedAt, now);
  return tokenActor(row.user, row.token, address);
}

/**
 * Records the use of a token. An expected failure, such as a full disk or a backup that holds the
 * lock, is ignored, because a client must still be able to authenticate.
 */
async function recordTokenUse({ db }: Pick<Deps, "db">, id: string, lastUsedAt: Date | null, now: Date): Promise<void> {
  const before = new Date(now.getTime() - LAST_USE_EVERY_MS);
  if (lastUsedAt !== null && lastUsedAt > before) return;
  try {
    await db.write(async ({ query, tables: { apiTokens } }) => {
      const isOlder = or(isNull(apiTokens.lastUsedAt), lte(apiTokens.lastUsedAt, before));
      await query
        .update(apiTokens)
        .set({ lastUsedAt: now })
        .where(and(eq(apiTokens.id, id), isOlder));
    });
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
  }
}
