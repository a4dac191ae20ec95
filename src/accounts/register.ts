import { eq, or } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import { isReservedUsername } from "../domain/reserved-usernames.ts";
import { usernameSkeletonOf } from "../domain/similar-names.ts";
import { failure } from "../errors.ts";
import { type AccountLink, requireInvitation, spendInvitation, storeResetLink } from "./account-links.ts";
import { hashPassword } from "./password.ts";
import { limitRegistrations } from "./registration-limit.ts";
import { type User, type UserRow, userView } from "./user.ts";

/** The fields of a new account. */
export interface Registration {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  /** The token of an invitation, which is used up. */
  readonly invitation?: string | undefined;
}

/** A new account that an operator makes. */
export interface OperatorsRegistration extends Registration {
  /** The link by which its owner sets a password of their own. */
  readonly link?: AccountLink | undefined;
}

/** The fields that no two accounts may share. */
interface Identity {
  readonly usernameFolded: string;
  readonly usernameSkeleton: string;
  readonly emailFolded: string;
}

/**
 * Creates an account for a guest. Throws `registration_closed`, `invitation_invalid`,
 * `username_reserved`, `too_many_registrations`, `busy`, or what `createAccount` throws. Only the
 * operator may give an account a reserved name, with `admin create`.
 */
export async function register(
  deps: Pick<Deps, "db" | "config" | "clock">,
  registration: Registration,
  address: string | null,
): Promise<User> {
  const { invitation, email } = registration;
  if (invitation === undefined && deps.config.registration === "closed") throw failure({ code: "registration_closed" });
  if (isReservedUsername(registration.username)) throw failure({ code: "username_reserved" });
  return limitRegistrations(deps, address, async () => {
    if (invitation !== undefined)
      await deps.db.read((session) => requireInvitation(session, invitation, email, deps.clock()));
    return createAccount(deps, registration, "user", ({ id, username }) => ({
      userId: id,
      username,
      address,
      tokenId: null,
    }));
  });
}

/**
 * Throws `username_taken`, `username_too_similar` or `email_taken` if an account has that name, one
 * that is easily mistaken for it, or that address.
 */
async function requireFree(
  { query, tables: { users } }: DbSession,
  { usernameFolded, usernameSkeleton, emailFolded }: Identity,
): Promise<void> {
  const taken = await query
    .select({
      username: users.username,
      usernameFolded: users.usernameFolded,
      usernameSkeleton: users.usernameSkeleton,
    })
    .from(users)
    .where(
      or(
        eq(users.usernameFolded, usernameFolded),
        eq(users.usernameSkeleton, usernameSkeleton),
        eq(users.emailFolded, emailFolded),
      ),
    );
  if (taken.length === 0) return;
  const isName = taken.some((other) => other.usernameFolded === usernameFolded);
  if (isName) throw failure({ code: "username_taken" });
  const alike = taken.find((other) => other.usernameSkeleton === usernameSkeleton);
  throw failure(
    alike === undefined ? { code: "email_taken" } : { code: "username_too_similar", other: alike.username },
  );
}

/**
 * Creates an account. Throws `username_taken`, `username_too_similar` or `email_taken`; if two
 * registrations race, the unique indexes let one win. `by` returns the origin of the event for the
 * new account.
 */
export async function createAccount(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { username, email, password, invitation, link }: OperatorsRegistration,
  role: User["role"],
  by: (made: UserRow) => Origin,
): Promise<User> {
  const now = clock();
  const folded = {
    usernameFolded: foldIdentity(username),
    usernameSkeleton: usernameSkeletonOf(username),
    emailFolded: foldIdentity(email),
  };
  // Checked before the expensive hash, so that a stranger cannot make the server hash passwords by
  // registering a taken name.
  await db.read((session) => requireFree(session, folded));
  const passwordHash = await hashPassword(password);
  const row = { id: crypto.randomUUID(), username, email, ...folded, passwordHash, role, createdAt: now };
  return db.write(async (session) => {
    const { users } = session.tables;
    const [made] = await session.query.insert(users).values(row).onConflictDoNothing().returning();
    if (made !== undefined) {
      if (invitation !== undefined) await spendInvitation(session, invitation, email, now);
      if (link !== undefined) await storeResetLink(session, made.id, link, now);
      await recordEvent(session, by(made), "account.created", now, { details: { username, role } });
      return userView(made);
    }
    await requireFree(session, folded);
    throw new Error("An account that conflicts with an insert was not found");
  });
}
