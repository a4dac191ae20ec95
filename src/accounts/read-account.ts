import { and, eq, gt, isNull } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { type AccountView, accountView } from "./list-accounts.ts";
import { loadUser } from "./load-user.ts";

/** An account with what it could act with now. */
export interface AccountDetails extends AccountView {
  readonly sessions: number;
  readonly tokens: number;
  /** Keys that are not retired. */
  readonly keys: number;
  /** The packages that it owns. */
  readonly packages: number;
  /** How long a link to set a new password works; null without one. Until its use nobody can log in. */
  readonly resetLinkUntil: string | null;
}

async function countsOf({ query, tables }: DbSession, userId: string, now: Date) {
  const { sessions, apiTokens, accountKeys, packageOwners } = tables;
  const isLive = and(eq(apiTokens.userId, userId), isNull(apiTokens.revokedAt), gt(apiTokens.expiresAt, now));
  return {
    sessions: await query.$count(sessions, and(eq(sessions.userId, userId), gt(sessions.expiresAt, now))),
    tokens: await query.$count(apiTokens, isLive),
    keys: await query.$count(accountKeys, and(eq(accountKeys.userId, userId), isNull(accountKeys.retiredAt))),
    packages: await query.$count(packageOwners, eq(packageOwners.userId, userId)),
  };
}

async function resetLinkUntil({ query, tables: { accountLinks } }: DbSession, userId: string, now: Date) {
  const [link] = await query
    .select({ expiresAt: accountLinks.expiresAt })
    .from(accountLinks)
    .where(and(eq(accountLinks.userId, userId), eq(accountLinks.kind, "reset"), gt(accountLinks.expiresAt, now)));
  return link?.expiresAt.toISOString() ?? null;
}

/** Reads one account by its user name, for administrators. Throws `user_not_found`. */
export function readAccount({ db, clock }: Pick<Deps, "db" | "clock">, username: string): Promise<AccountDetails> {
  return db.read(async (session) => {
    const user = await loadUser(session, username.replaceAll("\0", ""));
    const now = clock();
    const counts = await countsOf(session, user.id, now);
    return { ...accountView(user), ...counts, resetLinkUntil: await resetLinkUntil(session, user.id, now) };
  });
}
