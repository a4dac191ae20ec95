import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { type Eviction, evict } from "./evict.ts";

/**
 * Evicts whoever has the account of this session, this session included. For an owner who fears
 * that somebody else has a session or a token.
 */
export async function logOutEverywhere(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  { user, origin }: SessionActor,
  { retireKeys }: { readonly retireKeys: boolean },
): Promise<Eviction> {
  const now = clock();
  return db.write(async (session) => {
    await recordEvent(session, origin, "session.ended", now, { details: { everywhere: true } });
    return evict(session, user, { origin, now, retireKeys }, { log });
  });
}
