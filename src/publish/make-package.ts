import { recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import { foldName } from "../domain/package-name.ts";
import { skeletonOf } from "../domain/similar-names.ts";
import { pinFirstKey } from "../keys/package-trust.ts";
import type { PackageRow } from "../packages/views.ts";
import type { VerifiedPublication } from "./verify-publication.ts";

/**
 * Makes the package, its first owner and its first key. Undefined when another transaction just
 * made the package.
 */
export async function makePackage(
  session: DbSession,
  { inspection, publisher, verified }: VerifiedPublication,
  now: Date,
): Promise<PackageRow | undefined> {
  const { packages, packageOwners } = session.tables;
  const { name, description = "", tags } = inspection.manifest;
  const [made] = await session.query
    .insert(packages)
    .values({
      name,
      nameFolded: foldName(name),
      nameSkeleton: skeletonOf(name),
      description,
      tags: [...tags],
      listed: true,
      downloads: 0,
      createdAt: now,
      createdBy: publisher.user.id,
      updatedAt: now,
    })
    .onConflictDoNothing()
    .returning();
  if (made === undefined) return undefined;
  session.invalidate(name);
  await pipelined([
    session.query.insert(packageOwners).values({ packageId: made.id, userId: publisher.user.id, createdAt: now }),
    recordEvent(session, publisher.origin, "package.created", now, { packageName: name }),
    pinFirstKey(session, made, verified.publicKey, publisher.origin, now),
  ]);
  return made;
}
