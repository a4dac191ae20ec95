import { desc } from "drizzle-orm";
import type { Deps } from "../deps.ts";

/** The most names that are listed. */
const LISTED_MAX = 200;

/** A name that may be published although it resembles a popular one. */
export interface AllowedName {
  readonly name: string;
  readonly allowedAt: string;
}

/** Lists the allowed names, the newest first. */
export async function listAllowedNames({ db }: Pick<Deps, "db">): Promise<AllowedName[]> {
  const rows = await db.read(({ query, tables: { allowedNames } }) =>
    query.select().from(allowedNames).orderBy(desc(allowedNames.createdAt), desc(allowedNames.name)).limit(LISTED_MAX),
  );
  return rows.map(({ name, createdAt }) => ({ name, allowedAt: createdAt.toISOString() }));
}
