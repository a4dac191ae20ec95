import { eq } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { type Origin, recordEvent } from "../events/record-event.ts";
import { hashPassword } from "./password.ts";
import { foldIdentity, type User, type UserRow, userView } from "./user.ts";

export interface Registration {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly role?: "user" | "admin";
}

/** Makes an account for whoever asks. Throws `registration_closed`, or what `createAccount` throws. */
export async function register(
  deps: Pick<Deps, "db" | "config" | "clock">,
  registration: Registration,
  address: string | null,
): Promise<User> {
  if (deps.config.registration === "closed") throw failure({ code: "registration_closed" });
  return createAccount(deps, registration, ({ id, username }) => ({ userId: id, username, address, tokenId: null }));
}

/**
 * Makes an account. Throws `username_taken` or `email_taken`; unique columns decide between two of them at once. `by`
 * tells of the new account who made it.
 */
export async function createAccount(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { username, email, password, role = "user" }: Registration,
  by: (made: UserRow) => Origin,
): Promise<User> {
  const now = clock();
  const passwordHash = await hashPassword(password);
  const row = {
    id: crypto.randomUUID(),
    username,
    usernameFolded: foldIdentity(username),
    email,
    emailFolded: foldIdentity(email),
    passwordHash,
    role,
    createdAt: now,
  };
  return db.write(async (session) => {
    const { query, tables } = session;
    const { users } = tables;
    const [made] = await query.insert(users).values(row).onConflictDoNothing().returning();
    if (made !== undefined) {
      await recordEvent(session, by(made), "account.created", now, { details: { username, role } });
      return userView(made);
    }
    const [sameName] = await query
      .select({ id: users.id })
      .from(users)
      .where(eq(users.usernameFolded, row.usernameFolded));
    throw failure({ code: sameName === undefined ? "email_taken" : "username_taken" });
  });
}
