import { and, eq, isNull } from "drizzle-orm";
import { isId } from "../accounts/account-id.ts";
import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";

/** The longest part of an ID in an address that a message repeats. */
const ID_SHOWN_MAX_CHARS = 64;

/**
 * Revokes a token of the account: it is refused from the next request on. Returns its
 * label. Throws `token_not_found`.
 */
export async function revokeToken(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { user, origin }: SessionActor,
  id: string,
): Promise<{ readonly label: string }> {
  const missing = () => failure({ code: "token_not_found", id: id.slice(0, ID_SHOWN_MAX_CHARS) });
  if (!isId(id)) throw missing();
  const now = clock();
  return db.write(async (session) => {
    const { apiTokens } = session.tables;
    const isMine = and(eq(apiTokens.id, id), eq(apiTokens.userId, user.id), isNull(apiTokens.revokedAt));
    const [revoked] = await session.query
      .update(apiTokens)
      .set({ revokedAt: now })
      .where(isMine)
      .returning({ label: apiTokens.label });
    if (revoked === undefined) throw missing();
    await recordEvent(session, origin, "token.revoked", now, { details: { id, label: revoked.label } });
    return revoked;
  });
}
