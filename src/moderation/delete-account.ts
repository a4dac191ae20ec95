import { and, eq, isNotNull } from "drizzle-orm";
import { requireKnown } from "../accounts/load-user.ts";
import { loadLockedUser } from "../accounts/lock-account.ts";
import type { UserRow } from "../accounts/user.ts";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { evict } from "./evict.ts";
import { eraseTraces } from "./forget-account.ts";

/**
 * Deletes an account that has done nothing with packages, with everything that belongs to it. Its
 * user name is free again. Throws `user_not_found`, or `OperatorError` for an account whose name is
 * in the log or on packages.
 */
export async function deleteAccount(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  origin: Origin,
  username: string,
): Promise<{ readonly username: string }> {
  const now = clock();
  return db.write(async (session) => {
    const user = await loadLockedUser(session, username);
    requireKnown(user);
    if (await hasActed(session, user)) {
      throw new OperatorError(
        `${user.username} owns packages, or changed some, so its name is on them and in the log. To delete the personal data and keep the name: cpm-registry admin forget ${user.username}`,
      );
    }
    await evict(session, user, { origin, now, retireKeys: false }, { log });
    await eraseTraces(session, user);
    await session.query.delete(session.tables.users).where(eq(session.tables.users.id, user.id));
    await recordEvent(session, origin, "account.deleted", now, { details: { username: user.username } });
    return { username: user.username };
  });
}

async function hasActed({ query, tables }: DbSession, { id }: UserRow): Promise<boolean> {
  const { packageOwners, versions, packages, events } = tables;
  const counts = [
    await query.$count(packageOwners, eq(packageOwners.userId, id)),
    await query.$count(versions, eq(versions.publishedBy, id)),
    await query.$count(packages, eq(packages.createdBy, id)),
    await query.$count(events, and(eq(events.userId, id), isNotNull(events.packageName))),
  ];
  return counts.some((count) => count > 0);
}
