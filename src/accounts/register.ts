import { eq } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { hashPassword } from "./password.ts";
import { foldIdentity, type User, userView } from "./user.ts";

export interface Registration {
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

/**
 * Makes an account. Throws `registration_closed`, `username_taken` or `email_taken`; unique columns decide between
 * two registrations at once.
 */
export async function register(
  { db, config, clock }: Pick<Deps, "db" | "config" | "clock">,
  { username, email, password }: Registration,
): Promise<User> {
  if (config.registration === "closed") throw failure({ code: "registration_closed" });
  const passwordHash = await hashPassword(password);
  const row = {
    id: crypto.randomUUID(),
    username,
    usernameFolded: foldIdentity(username),
    email,
    emailFolded: foldIdentity(email),
    passwordHash,
    role: "user" as const,
    createdAt: clock(),
  };
  return db.write(async ({ query, tables: { users } }) => {
    const [made] = await query.insert(users).values(row).onConflictDoNothing().returning();
    if (made !== undefined) return userView(made);
    const [sameName] = await query
      .select({ id: users.id })
      .from(users)
      .where(eq(users.usernameFolded, row.usernameFolded));
    throw failure({ code: sameName === undefined ? "email_taken" : "username_taken" });
  });
}
