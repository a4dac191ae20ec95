import { and, asc, eq, inArray, sql } from "drizzle-orm";
import type { MayRead } from "../accounts/actor.ts";
import type { DbSession } from "../db/database.ts";
import { lockingStatement, statement } from "../db/statement.ts";
import { foldName, type PackageName, parsePackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import type { PackageRow } from "./views.ts";

/** Cuts text of an address to what a message may repeat of it: hostile text stays short. */
export function shortened(text: string | null | undefined): string {
  return (text ?? "").slice(0, 64);
}

/**
 * Reads the name in an address. Throws `package_not_found` for text that cannot be a name: no
 * package can have it.
 */
export function packageNameParam(text: string | null | undefined): PackageName {
  const name = parsePackageName(text ?? "");
  if (name === undefined) throw failure({ code: "package_not_found", name: shortened(text) });
  return name;
}

/**
 * Reads the name in the address of a read. A name that the reader may not see looks exactly like
 * one that does not exist.
 */
export function readableName(mayRead: MayRead, text: string | null | undefined): PackageName {
  const name = packageNameParam(text);
  if (!mayRead(name)) throw failure({ code: "package_not_found", name });
  return name;
}

function byFoldedName({ query, tables: { packages } }: Pick<DbSession, "query" | "tables">) {
  return query
    .select()
    .from(packages)
    .where(eq(packages.nameFolded, sql.placeholder("nameFolded")));
}

const packageByFoldedName = statement<{ nameFolded: string }, PackageRow>(byFoldedName);
const lockByFoldedName = lockingStatement<{ nameFolded: string }, PackageRow>(byFoldedName);
const tryLockByFoldedName = lockingStatement<{ nameFolded: string }, PackageRow>(byFoldedName, "skip");

/** Finds a package by its folded name. */
export async function findPackage(session: DbSession, nameFolded: string): Promise<PackageRow | undefined> {
  const [row] = await packageByFoldedName(session, { nameFolded });
  return row;
}

const packageByName = statement<{ name: string }, PackageRow>(({ query, tables: { packages } }) =>
  query
    .select()
    .from(packages)
    .where(eq(packages.name, sql.placeholder("name"))),
);

/** Finds a package; throws `package_not_found`. */
export async function loadPackage(session: DbSession, name: PackageName): Promise<PackageRow> {
  const [row] = await packageByName(session, { name });
  if (row === undefined) throw failure({ code: "package_not_found", name });
  return row;
}

/**
 * Waits for a lock and invalidates caches of the package: a transaction that locks a package is
 * about to change it.
 */
async function invalidating(session: DbSession, locking: Promise<PackageRow[]>): Promise<PackageRow | undefined> {
  const [row] = await locking;
  if (row !== undefined) session.invalidate(row.name);
  return row;
}

/**
 * Finds a package by its folded name and locks its row until the transaction ends, changing nothing
 * in it. The lock serialises the changes of a package, so that each derives its listing from the
 * one before.
 */
export function lockPackage(session: DbSession, name: PackageName): Promise<PackageRow | undefined> {
  return invalidating(session, lockByFoldedName(session, { nameFolded: foldName(name) }));
}

/**
 * `lockPackage` for a transaction that holds other packages already and so must wait for none.
 * Finds nothing where another transaction holds the package.
 */
export function tryLockPackage(session: DbSession, name: PackageName): Promise<PackageRow | undefined> {
  return invalidating(session, tryLockByFoldedName(session, { nameFolded: foldName(name) }));
}

/** `lockPackage` of exactly this name. Throws `package_not_found`. */
export async function lockNamedPackage(session: DbSession, name: PackageName): Promise<PackageRow> {
  const locked = await lockPackage(session, name);
  // The lock finds names that only fold alike, but an address means its own name.
  if (locked?.name !== name) throw failure({ code: "package_not_found", name });
  return locked;
}

/** Loads the user names of the owners of packages, in the order they became owners. */
export async function loadOwners(
  { query, tables }: DbSession,
  packageIds: readonly number[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  const owners = new Map<number, string[]>(packageIds.map((id) => [id, []]));
  if (packageIds.length === 0) return owners;
  const { packageOwners, users } = tables;
  const rows = await query
    .select({ packageId: packageOwners.packageId, username: users.username })
    .from(packageOwners)
    .innerJoin(users, eq(users.id, packageOwners.userId))
    .where(inArray(packageOwners.packageId, [...packageIds]))
    .orderBy(asc(packageOwners.createdAt), asc(users.username));
  for (const { packageId, username } of rows) owners.get(packageId)?.push(username);
  return owners;
}

const ownersById = statement<{ id: number }, { username: string }>(({ query, tables: { packageOwners, users } }) =>
  query
    .select({ username: users.username })
    .from(packageOwners)
    .innerJoin(users, eq(users.id, packageOwners.userId))
    .where(eq(packageOwners.packageId, sql.placeholder("id")))
    .orderBy(asc(packageOwners.createdAt), asc(users.username)),
);

/** Loads the user names of the owners of one package, in the order they became owners. */
export async function ownersOf(session: DbSession, packageId: number): Promise<readonly string[]> {
  return (await ownersById(session, { id: packageId })).map(({ username }) => username);
}

const ownership = statement<{ packageId: number; userId: string }, { userId: string }>(
  ({ query, tables: { packageOwners } }) => {
    const isOfPackage = eq(packageOwners.packageId, sql.placeholder("packageId"));
    return query
      .select({ userId: packageOwners.userId })
      .from(packageOwners)
      .where(and(isOfPackage, eq(packageOwners.userId, sql.placeholder("userId"))));
  },
);

/** Throws `not_an_owner` unless the account owns the package. */
export async function requireOwner(session: DbSession, owned: PackageRow, userId: string): Promise<void> {
  const [owner] = await ownership(session, { packageId: owned.id, userId });
  if (owner === undefined) throw failure({ code: "not_an_owner", name: owned.name });
}
