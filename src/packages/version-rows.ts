import { eq, sql } from "drizzle-orm";
import type { Inspection } from "../archive/inspect.ts";
import type { KnownBlob } from "../blobs/store.ts";
import { change, placeholders } from "../db/statement.ts";
import type { VerifiedSignature } from "../signing/verify-archive.ts";
import { type contentsRow, manifestRecord, toJson } from "./records.ts";
import type { VersionRow } from "./views.ts";

/** The parts of a publication that a version's row needs. */
interface VersionSource {
  readonly inspection: Pick<Inspection, "manifest" | "warnings">;
  readonly received: KnownBlob;
  readonly verified: Pick<VerifiedSignature, "scheme" | "publicKey" | "signature">;
  readonly publisher: { readonly user: { readonly id: string } };
}

/** Makes the row of a newly published version. */
export function versionRow(packageId: number, publication: VersionSource, now: Date) {
  const { inspection, received, verified, publisher } = publication;
  const { manifest, warnings } = inspection;
  return {
    packageId,
    version: manifest.version.text,
    versionKey: manifest.version.key,
    versionOrder: manifest.version.order,
    sha256: received.digest,
    size: received.size,
    manifest: toJson(manifestRecord(manifest)),
    warnings: toJson(warnings),
    signatureScheme: verified.scheme,
    publicKey: verified.publicKey,
    signature: verified.signature,
    publishedBy: publisher.user.id,
    publishedAt: now,
    yankedAt: null,
    yankReason: null,
    yankMessage: null,
    yankReplacement: null,
    quarantinedAt: null,
    quarantineReason: null,
    takenDownAt: null,
    takedownReason: null,
    keyCompromised: false,
    logIndex: null,
    yankSeq: 0,
    downloads: 0,
  };
}

/** Inserts the row of a version and returns its id. */
export const insertVersionRow = change<Omit<VersionRow, "id">, Pick<VersionRow, "id">>(
  ({ query, tables: { versions } }) => {
    const values = placeholders(versions, "id");
    return query.insert(versions).values(values).returning({ id: versions.id });
  },
  ({ versions }) => ({ id: versions.id }),
);

/** Inserts the contents of the archive of a version. */
export const insertContents = change<ReturnType<typeof contentsRow>>(({ query, tables: { versionContents } }) =>
  query.insert(versionContents).values(placeholders(versionContents)),
);

/** Stores the log index of a version. */
export const recordLogIndex = change<{ id: number; logIndex: number }>(({ query, tables: { versions } }) =>
  query
    .update(versions)
    .set({ logIndex: sql`${sql.placeholder("logIndex")}` })
    .where(eq(versions.id, sql.placeholder("id"))),
);
