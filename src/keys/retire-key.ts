import { and, eq, isNull } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { KEY_ID_SHOWN_MAX_CHARS } from "./key-view.ts";

/**
 * Retires a key of the caller's account. It can no longer publish; versions that it signed stay
 * valid. Retiring it again does nothing. Throws `key_not_found`.
 */
export async function retireKey(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { user, origin }: SessionActor,
  keyId: string,
): Promise<void> {
  const now = clock();
  await db.write(async (session) => {
    const { accountKeys } = session.tables;
    const rows = await session.query.select().from(accountKeys).where(eq(accountKeys.userId, user.id));
    const key = rows.find(({ publicKey }) => keyIdOf(publicKey) === keyId);
    if (key === undefined) throw failure({ code: "key_not_found", keyId: keyId.slice(0, KEY_ID_SHOWN_MAX_CHARS) });
    const retired = await session.query
      .update(accountKeys)
      .set({ retiredAt: now })
      .where(and(eq(accountKeys.id, key.id), isNull(accountKeys.retiredAt)))
      .returning();
    if (retired.length === 0) return;
    await recordEvent(session, origin, "key.retired", now, { details: { keyId, publicKey: key.publicKey } });
  });
}
