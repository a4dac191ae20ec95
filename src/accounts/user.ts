import { eq, or } from "drizzle-orm";
import type { Database, Tables } from "../db/database.ts";
import { foldIdentity } from "../domain/identity.ts";

/** A row of `users`. It has the password hash, so it never leaves the process: see `userView`. */
export type UserRow = Tables["users"]["$inferSelect"];

/** An account as its owner sees it. */
export interface User {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly role: "user" | "admin";
  readonly createdAt: string;
}

/** The address of an account that `log recover` made for a publisher whose address nothing has. */
export function placeholderEmail(id: string): string {
  return `${id}@recovered.invalid`;
}

/** Returns the fields of an account that its owner may see. */
export function userView(row: UserRow): User {
  const { id, username, email, role, createdAt } = row;
  return { id, username, email, role, createdAt: createdAt.toISOString() };
}

/**
 * Finds an account by user name or e-mail address. A user name never contains `@`, so the two
 * cannot be confused.
 */
export async function findUser(db: Database, usernameOrEmail: string): Promise<UserRow | undefined> {
  const folded = foldIdentity(usernameOrEmail);
  const [row] = await db.read(({ query, tables: { users } }) =>
    query
      .select()
      .from(users)
      .where(or(eq(users.usernameFolded, folded), eq(users.emailFolded, folded))),
  );
  return row;
}
