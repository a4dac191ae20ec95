import { and, eq, isNull, lte, ne, notExists, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { statement } from "../db/statement.ts";
import { LONG_MANIFESTS_MAX_BYTES } from "../domain/limits.ts";
import type { VerifiedPublication } from "./verify-publication.ts";

interface Params {
  readonly [field: string]: string | number;
  readonly name: string;
  readonly userId: string;
  readonly publicKey: string;
  readonly versionKey: string;
  /** The most that the package's long manifests may take now, so that this version still fits. */
  readonly manifestRoom: number;
}

const fastPathQuery = statement<Params, { id: number }>(({ query, tables }) => {
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
        isNull(packages.takenDownAt),
        lte(packages.longManifestBytes, sql.placeholder("manifestRoom")),
        notExists(query.select({ id: versions.id }).from(versions).where(isThisVersion)),
        notExists(query.select({ id: packageKeyResets.packageId }).from(packageKeyResets).where(isReset)),
      ),
    );
});

/**
 * Reports whether a publication is a new version of an open package, by one of its owners, with an
 * active key of both package and owner. Nearly every publish is, and this asks in one query what
 * the rules of decide.ts ask in six. The query may only say yes where those rules do;
 * `test/api/publish-decision.test.ts` holds it to that. Its no refuses nothing: the rules then
 * decide.
 */
export async function isOnFastPath(
  session: DbSession,
  { inspection: { manifest }, publisher, verified, longManifestBytes }: VerifiedPublication,
): Promise<boolean> {
  const { name, version } = manifest;
  const { publicKey } = verified;
  const manifestRoom = LONG_MANIFESTS_MAX_BYTES - longManifestBytes;
  const params = { name, userId: publisher.user.id, publicKey, versionKey: version.key, manifestRoom };
  const found = await fastPathQuery(session, params);
  return found.length > 0;
}
