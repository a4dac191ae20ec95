import { recordEvent } from "../audit/record-event.ts";
import type { Database, DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import type { Deps } from "../deps.ts";
import type { RateLimit } from "../errors.ts";
import { versionDetails } from "../log/leaf-details.ts";
import { addToTotals, type Holdings } from "../metrics/registry-totals.ts";
import { beginListing } from "../packages/rebuild-listing.ts";
import { contentsRow } from "../packages/records.ts";
import { insertContents, insertVersionRow, recordLogIndex, versionRow } from "../packages/version-rows.ts";
import type { PackageRow, PublishedVersion, VersionRow } from "../packages/views.ts";
import { formatExtra } from "../tlog/history.ts";
import { versionLeaf } from "../tlog/leaf.ts";
import type { Proof } from "../tlog/proof.ts";
import type { Candidate } from "./facts.ts";

/** A verified publication whose blob is stored and whose rows are not yet written. */
export interface PendingPublication extends Candidate {
  /**
   * Throws if the blob was removed since it was put (blob-removals.ts). Call it in the transaction,
   * after the insert.
   */
  requireBlob(session: DbSession): Promise<void>;
}

/** A publication that was accepted. The row of its package is locked. */
export interface Accepted extends PendingPublication {
  readonly claimed: PackageRow;
  /** What the publisher may still publish afterwards. */
  readonly limits: readonly RateLimit[];
  /** Whether it is the first version of its package, whose leaf begins the package's history. */
  readonly isFirst: boolean;
}

/** A version that was recorded just now, and the proof that it is in the log. */
export interface Recorded {
  readonly version: PublishedVersion;
  readonly logged: Proof;
  readonly limits: readonly RateLimit[];
}

async function recordPublished(session: DbSession, { publication, now }: PendingPublication): Promise<void> {
  const { inspection, publisher, verified, received } = publication;
  const { name, version } = inspection.manifest;
  const about = { packageName: name, version: version.text };
  const { keyId, scheme } = verified;
  const details = { sha256: received.digest, size: received.size, keyId, scheme };
  await recordEvent(session, publisher.origin, "version.published", now, { ...about, details });
  if (inspection.secrets.length === 0) return;
  const secrets = inspection.secrets.map(({ path, line, kind }) => ({ path, line, kind }));
  const allowed = { ...about, details: { secrets, more: inspection.secretsLeftOut } };
  await recordEvent(session, publisher.origin, "version.secrets_allowed", now, allowed);
}

/** A version whose rows are inserted, before its leaf is appended. */
export interface Inserted extends Accepted {
  readonly row: VersionRow;
}

interface Begun extends Inserted {
  readonly finishListing: Awaited<ReturnType<typeof beginListing>>;
}

async function insertRow(session: DbSession, kind: Database["kind"], accepted: Accepted): Promise<Begun> {
  const { claimed, publication, now } = accepted;
  const columns = versionRow(claimed.id, publication, now);
  const [[inserted], finishListing] = await pipelined([
    insertVersionRow(session, columns),
    beginListing(session, kind, claimed, publication),
    recordPublished(session, accepted),
    accepted.requireBlob(session),
  ]);
  if (inserted === undefined) throw new Error("A version was not inserted");
  return { ...accepted, row: { ...columns, ...inserted }, finishListing };
}

/**
 * Inserts versions that do not exist yet, of different packages that are locked, and appends their
 * leaves.
 */
export async function insertVersions(
  session: DbSession,
  deps: Pick<Deps, "db" | "log">,
  accepted: readonly Accepted[],
): Promise<Recorded[]> {
  return logVersions(session, deps, await insertRows(session, deps.db.kind, accepted));
}

/**
 * Inserts the rows of versions that do not exist yet, of different packages that are locked. The
 * unique index on versions enforces it. The statements about one version need no result of the
 * others, so a batch costs Postgres as many messages as a single version.
 */
export async function insertRows(
  session: DbSession,
  kind: Database["kind"],
  accepted: readonly Accepted[],
): Promise<Inserted[]> {
  const inserted = await pipelined(accepted.map((one) => insertRow(session, kind, one)));
  await pipelined(
    inserted.flatMap(({ row, finishListing, publication, now }) => [
      insertContents(session, contentsRow(row.id, publication.inspection)),
      finishListing(row, now),
    ]),
  );
  return inserted;
}

function holdingsOf(inserted: readonly Inserted[]): Holdings {
  const packages = inserted.filter(({ isFirst }) => isFirst).length;
  return { packages, versions: inserted.length, storageBytes: inserted.reduce((sum, { row }) => sum + row.size, 0) };
}

/**
 * Appends the versions to the log. It comes last, because the log is locked from here to the
 * commit.
 */
async function logVersions(session: DbSession, { log }: Pick<Deps, "log">, inserted: readonly Inserted[]) {
  const leaves = inserted.map(({ claimed: { name }, row }) =>
    versionLeaf({ name, ...row, scheme: row.signatureScheme }),
  );
  const logged = inserted.map(({ publication: { publisher }, now }, at) => ({
    leaf: leaves[at] ?? "",
    details: versionDetails(publisher.user, now),
  }));
  const { firstIndex, proofOf, checkpoint } = await log.append(session, logged, (first) =>
    pipelined([
      ...inserted.map(({ row: { id } }, at) => recordLogIndex(session, { id, logIndex: first + at })),
      addToTotals(session, holdingsOf(inserted)),
    ]),
  );
  return inserted.map(({ row, publication, limits, isFirst }, at) => {
    const index = firstIndex + at;
    const version = { row: { ...row, logIndex: index }, publishedBy: publication.publisher.user.username };
    const extra = formatExtra({ leaf: Buffer.from(leaves[at] ?? ""), history: isFirst ? [] : undefined });
    const logged = { index, hashes: proofOf(at), checkpoint, extra };
    return { version, logged, limits };
  });
}
