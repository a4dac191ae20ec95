import type { Deps } from "../deps.ts";

/** Reports whether there is any account. */
export async function hasAccounts({ db }: Pick<Deps, "db">): Promise<boolean> {
  const found = await db.read(({ query, tables: { users } }) => query.select({ id: users.id }).from(users).limit(1));
  return found.length > 0;
}
