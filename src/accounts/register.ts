import { eq, or } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import { failure } from "../errors.ts";
import { serialiseRegistration } from "./login-throttle.ts";
import { hashPassword } from "./password.ts";
import { type User, type UserRow, userView } from "./user.ts";

/** What a new account is made from. */
export interface Registration {
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

/**
 * Creates an account for a guest. Throws `registration_closed`, `busy`, or what `createAccount`
 * throws.
 */
export async function register(
  deps: Pick<Deps, "db" | "config" | "clock">,
  registration: Registration,
  address: string | null,
): Promise<User> {
  if (deps.config.registration === "closed") throw failure({ code: "registration_closed" });
  return serialiseRegistration(address, () =>
    createAccount(deps, registration, "user", ({ id, username }) => ({ userId: id, username, address, tokenId: null })),
  );
}

/** Throws `username_taken` or `email_taken` if an account has that name or address. */
async function requireFree(
  { query, tables: { users } }: DbSession,
  { usernameFolded, emailFolded }: Pick<UserRow, "usernameFolded" | "emailFolded">,
): Promise<void> {
  const taken = await query
    .select({ usernameFolded: users.usernameFolded })
    .from(users)
    .where(or(eq(users.usernameFolded, usernameFolded), eq(users.emailFolded, emailFolded)));
  if (taken.length === 0) return;
  const isName = taken.some((other) => other.usernameFolded === usernameFolded);
  throw failure({ code: isName ? "username_taken" : "email_taken" });
}

/**
 * Creates an account. Throws `username_taken` or `email_taken`; if two registrations race, the
 * unique indexes let one win. `by` returns the origin of the event for the new account.
 */
export async function createAccount(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { username, email, password }: Registration,
  role: User["role"],
  by: (made: UserRow) => Origin,
): Promise<User> {
  const now = clock();
  const folded = { usernameFolded: foldIdentity(username), emailFolded: foldIdentity(email) };
  // Checked before the expensive hash, so that a stranger cannot make the server hash passwords by
  // registering a taken name.
  await db.read((session) => requireFree(session, folded));
  const passwordHash = await hashPassword(password);
  const row = { id: crypto.randomUUID(), username, email, ...folded, passwordHash, role, createdAt: now };
  return db.write(async (session) => {
    const { users } = session.tables;
    const [made] = await session.query.insert(users).values(row).onConflictDoNothing().returning();
    if (made !== undefined) {
      await recordEvent(session, by(made), "account.created", now, { details: { username, role } });
      return userView(made);
    }
    await requireFree(session, folded);
    throw new Error("An account that conflicts with an insert was not found");
  });
}
