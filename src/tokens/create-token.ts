import { and, eq, gt, isNull } from "drizzle-orm";
import type { SessionActor, TokenScope } from "../accounts/actor.ts";
import { tokenDigest } from "../accounts/credentials.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { tokenTextOf } from "../domain/token-text.ts";
import { failure } from "../errors.ts";
import { type TokenView, tokenView } from "./token-view.ts";

const TOKENS_MAX = 100;
const DAY_MS = 24 * 60 * 60_000;
/** Enough that at least 30 of them are usable: `tokenTextOf` discards some. */
const RANDOM_BYTES = 128;

/** The label of a new token and what it may do. */
export interface TokenRequest {
  readonly label: string;
  readonly scopes: readonly TokenScope[];
  readonly packages: readonly string[];
  readonly expiresInDays: number;
}

/** Makes an API token. Its text is returned here and never again. Throws `limit_reached`. */
export async function createToken(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { user, origin }: SessionActor,
  { label, scopes, packages, expiresInDays }: TokenRequest,
): Promise<TokenView & { readonly token: string }> {
  const now = clock();
  const text = tokenTextOf(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)));
  const row = {
    id: crypto.randomUUID(),
    userId: user.id,
    label,
    tokenSha256: tokenDigest(text),
    scopes: [...new Set(scopes)],
    packages: [...new Set(packages)],
    createdAt: now,
    expiresAt: new Date(now.getTime() + expiresInDays * DAY_MS),
    lastUsedAt: null,
    revokedAt: null,
  };
  await db.write(async (session) => {
    const { apiTokens } = session.tables;
    const isLive = and(eq(apiTokens.userId, user.id), isNull(apiTokens.revokedAt), gt(apiTokens.expiresAt, now));
    if ((await session.query.$count(apiTokens, isLive)) >= TOKENS_MAX) {
      throw failure({ code: "limit_reached", what: "API tokens of one account", max: TOKENS_MAX });
    }
    await session.query.insert(apiTokens).values(row);
    const details = {
      id: row.id,
      label,
      scopes: row.scopes,
      packages: row.packages,
      expiresAt: row.expiresAt.toISOString(),
    };
    await recordEvent(session, origin, "token.created", now, { details });
  });
  return { ...tokenView(row), token: text };
}
