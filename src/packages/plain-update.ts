import { and, eq, isNull, ne, notExists, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { statement } from "../db/statement.ts";
import type { VerifiedPublication } from "./verify-publication.ts";

interface Update {
  readonly [field: string]: string;
  readonly name: string;
  readonly userId: string;
  readonly publicKey: string;
  readonly versionKey: string;
}

const plainUpdate = statement<Update, { id: number }>(({ query, tables }) => {
  const { packages, packageOwners, packageKeys, accountKeys, versions, packageKeyResets } = tables;
  const publicKey = sql.placeholder("publicKey");
  const isKeyOfPackage = and(eq(packageKeys.packageId, packages.id), eq(packageKeys.publicKey, publicKey));
  const isKeyOfOwner = and(eq(accountKeys.userId, packageOwners.userId), eq(accountKeys.publicKey, publicKey));
  const isThisVersion = and(
    eq(versions.packageId, packages.id),
    eq(versions.versionKey, sql.placeholder("versionKey")),
  );
  const isReset = eq(packageKeyResets.packageId, packages.id);
  return query
    .select({ id: packages.id })
    .from(packages)
    .innerJoin(packageOwners, eq(packageOwners.packageId, packages.id))
    .innerJoin(packageKeys, and(isKeyOfPackage, eq(packageKeys.status, "active")))
    .innerJoin(accountKeys, and(isKeyOfOwner, isNull(accountKeys.retiredAt)))
    .where(
      and(
        eq(packages.name, sql.placeholder("name")),
        eq(packageOwners.userId, sql.placeholder("userId")),
        ne(packages.status, "archived"),
        isNull(packages.quarantinedAt),
        notExists(query.select({ id: versions.id }).from(versions).where(isThisVersion)),
        notExists(query.select({ id: packageKeyResets.packageId }).from(packageKeyResets).where(isReset)),
      ),
    );
});

/**
 * Whether this is what nearly every publish is, in one question instead of six: a new version of an open package, by one of
 * its owners, with a key of the package and of the owner. Where not, the six questions tell why, or that it may be all the same.
 */
export async function isPlainUpdate(
  session: DbSession,
  { inspection: { manifest }, publisher, verified }: VerifiedPublication,
): Promise<boolean> {
  const { name, version } = manifest;
  const { publicKey } = verified;
  const found = await plainUpdate(session, { name, userId: publisher.user.id, publicKey, versionKey: version.key });
  return found.length > 0;
}
