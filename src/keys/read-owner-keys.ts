import { loadUser } from "../accounts/load-user.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { loadPackage } from "../packages/find-package.ts";
import { keysOfOwner, type OwnerKeyView } from "./owner-keys.ts";

/**
 * Reads the keys of an account that may sign a package, which stay when the account is removed from
 * its owners. Throws `package_not_found` or `user_not_found`.
 */
export function readOwnerKeys(
  { db, clock }: Pick<Deps, "db" | "clock">,
  name: PackageName,
  username: string,
): Promise<OwnerKeyView[]> {
  return db.read(async (session) => {
    const owned = await loadPackage(session, name);
    return keysOfOwner(session, owned, await loadUser(session, username.replaceAll("\0", "")), clock());
  });
}
