import { eq, or } from "drizzle-orm";
import type { Database, Tables } from "../db/database.ts";

export type UserRow = Tables["users"]["$inferSelect"];

/** An account as its owner sees it. */
export interface User {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly role: "user" | "admin";
  readonly createdAt: string;
}

export function userView(row: UserRow): User {
  const { id, username, email, role, createdAt } = row;
  return { id, username, email, role, createdAt: createdAt.toISOString() };
}

/** User names and e-mail addresses compare without case. Control characters, which Postgres refuses in text, match nothing. */
export function foldIdentity(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/\p{Cc}/gu, "\u{fffd}");
}

/** Finds an account by user name or e-mail address; a user name never has an `@`, so the two cannot meet. */
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
