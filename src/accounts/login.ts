import { and, eq, lt } from "drizzle-orm";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { Failure, failure } from "../errors.ts";
import type { LOGIN_OUTCOMES } from "../metrics/metrics.ts";
import { sessionActor } from "./actor.ts";
import { forgetOwnFailures, rememberNetwork, tryPassword } from "./login-throttle.ts";
import { verifyPassword } from "./password.ts";
import { findUser, type UserRow } from "./user.ts";

/** How long a session lasts. */
export const SESSION_SECONDS = 12 * 60 * 60;

/** The typed user name or e-mail address, and the password. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A new session. It is stored, so that it can end before its token expires. */
export interface NewSession {
  readonly id: string;
  readonly user: UserRow;
  readonly expiresAt: Date;
}

/**
 * Checks a password and opens a session. Throws `invalid_credentials`, which is the same for a
 * wrong name and a wrong password, `too_many_attempts` after many of these, and `account_disabled`
 * if the password is correct.
 */
export async function login(
  deps: Pick<Deps, "db" | "clock" | "metrics">,
  credentials: Credentials,
  address: string | null,
): Promise<NewSession> {
  const { logins } = deps.metrics;
  try {
    const opened = await openSession(deps, credentials, address);
    logins.inc({ outcome: "succeeded" });
    return opened;
  } catch (cause) {
    logins.inc({ outcome: outcomeOf(cause) });
    throw cause;
  }
}

function outcomeOf(cause: unknown): (typeof LOGIN_OUTCOMES)[number] {
  const code = cause instanceof Failure ? cause.error.code : undefined;
  if (code === "too_many_attempts") return "throttled";
  return code === "invalid_credentials" || code === "account_disabled" ? "refused" : "error";
}

async function openSession(
  deps: Pick<Deps, "db" | "clock">,
  { username, password }: Credentials,
  address: string | null,
): Promise<NewSession> {
  const { db, clock } = deps;
  const user = await findUser(db, username);
  const attempt = { name: username, address };
  const matches = await tryPassword(deps, attempt, () => verifyPassword(password, user?.passwordHash));
  if (user === undefined || !matches) throw failure({ code: "invalid_credentials" });
  if (user.disabledAt !== null) throw failure({ code: "account_disabled" });
  const now = clock();
  // In whole seconds like the token's `exp`, so session and token end together.
  const expiresAt = new Date((Math.floor(now.getTime() / 1000) + SESSION_SECONDS) * 1000);
  const id = crypto.randomUUID();
  await db.write(async (session) => {
    const { query, tables } = session;
    const { sessions, users } = tables;
    // The password may have been changed while it was verified. Writing the row that it was read
    // from waits for that change and sees it. So no session of an old password is opened after
    // `changePassword` has ended the others.
    const [current] = await query
      .update(users)
      .set({ passwordHash: user.passwordHash })
      .where(and(eq(users.id, user.id), eq(users.passwordHash, user.passwordHash)))
      .returning({ id: users.id });
    if (current === undefined) throw failure({ code: "invalid_credentials" });
    await query.delete(sessions).where(lt(sessions.expiresAt, now));
    await forgetOwnFailures(session, attempt);
    await rememberNetwork(session, user.id, attempt, now);
    await query.insert(sessions).values({ id, userId: user.id, createdAt: now, expiresAt });
    await recordEvent(session, sessionActor(user, id, address).origin, "session.started", now);
  });
  return { id, user, expiresAt };
}
