import { asc, eq } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import { type KeyView, keyView } from "./key-view.ts";

/** Lists the signing keys of an account in order of registration, including retired ones. */
export async function listKeys({ db }: Pick<Deps, "db">, { user }: SessionActor): Promise<KeyView[]> {
  const rows = await db.read(({ query, tables: { accountKeys } }) =>
    query.select().from(accountKeys).where(eq(accountKeys.userId, user.id)).orderBy(asc(accountKeys.id)),
  );
  return rows.map(keyView);
}
