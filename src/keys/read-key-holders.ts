import { asc, eq } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { loadPackage } from "../packages/find-package.ts";

/**
 * Reads which accounts have registered the keys of a package: their user names by public key, in
 * order. A key that no account has registered is left out. Throws `package_not_found`.
 */
export function readKeyHolders(
  { db }: Pick<Deps, "db">,
  name: PackageName,
): Promise<ReadonlyMap<string, readonly string[]>> {
  return db.read(async (session) => {
    const { id } = await loadPackage(session, name);
    const { packageKeys, accountKeys, users } = session.tables;
    const rows = await session.query
      .select({ publicKey: accountKeys.publicKey, username: users.username })
      .from(packageKeys)
      .innerJoin(accountKeys, eq(accountKeys.publicKey, packageKeys.publicKey))
      .innerJoin(users, eq(users.id, accountKeys.userId))
      .where(eq(packageKeys.packageId, id))
      .orderBy(asc(users.username));
    const byKey = Map.groupBy(rows, ({ publicKey }) => publicKey);
    return new Map([...byKey].map(([key, found]) => [key, found.map(({ username }) => username)]));
  });
}
