import { and, eq, isNotNull } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { Sha256Digest } from "../domain/digest.ts";
import { failure } from "../errors.ts";
import { readProofWithHistory } from "../keys/read-package-log.ts";
import { isStillStored, type RemovalState, removalState } from "../packages/blob-removals.ts";
import { requirePresent } from "../packages/find-version.ts";
import { versionRow } from "../packages/version-rows.ts";
import type { PublishedVersion } from "../packages/views.ts";
import { formatProof } from "../tlog/proof.ts";
import type { PublishBatcher } from "./batcher.ts";
import { precheck } from "./decide.ts";
import type { Candidate } from "./facts.ts";
import type { PendingPublication } from "./insert-versions.ts";
import type { PublishTimer } from "./measure.ts";
import type { Publication, PublishOutcome } from "./publication.ts";
import { type RecordOutcome, recordOne } from "./record.ts";
import { type VerifiedPublication, verifyPublication } from "./verify-publication.ts";

/** Enough tries, because a `gc` that is removing this blob finishes within a moment. */
const STORE_TRIES = 6;
const STORE_PAUSE_MS = 50;
const STORE_RETRY_AFTER_SECONDS = 5;

/** What this feature holds in memory for the life of a process. */
export interface PublishServices {
  readonly batcher: Pick<PublishBatcher, "record">;
}

type PublishDeps = Pick<Deps, "db" | "blobs" | "clock" | "config" | "log" | "failpoints" | "metrics"> &
  PublishServices & { readonly timer: PublishTimer };

/**
 * Thrown where `gc` may have removed the blob after it was put. Nothing was recorded, and the blob
 * must be put again.
 */
class BlobRemoved extends Error {}

async function requireBlob(session: DbSession, digest: Sha256Digest, before: RemovalState, putAt: Date): Promise<void> {
  if (!isStillStored(before, await removalState(session, digest), putAt)) throw new BlobRemoved();
}

/**
 * Puts the blob, then records the version: in a batch with others where it is on the fast path,
 * else alone. Starts again where `gc` removed that very blob in between.
 */
function store(deps: PublishDeps, candidate: Candidate, isOnFastPath: boolean): Promise<RecordOutcome> {
  const { failpoints, timer } = deps;
  const { publication, now } = candidate;
  return withStoredBlob(deps, publication, async (removals) => {
    failpoints.hit("publish.stored");
    // After the insert, as blob-removals.ts says: either gc sees the version, or this sees the
    // removal.
    const requireStored = (session: DbSession) => requireBlob(session, publication.received.digest, removals, now);
    return timer.run("commit", () => commit(deps, { ...candidate, requireBlob: requireStored }, isOnFastPath));
  });
}

async function commit(deps: PublishDeps, pending: PendingPublication, isOnFastPath: boolean): Promise<RecordOutcome> {
  const { db, failpoints, batcher } = deps;
  const batched = isOnFastPath ? await batcher.record(deps, pending) : undefined;
  if (batched !== undefined) return { outcome: "created" as const, ...batched };
  return db.write(async (session) => {
    const recorded = await recordOne(session, deps, pending);
    failpoints.hit("publish.inserted");
    return recorded;
  });
}

async function requireNotTakenDown(db: PublishDeps["db"], digest: Sha256Digest): Promise<void> {
  const [found] = await db.read(({ query, tables: { versions, packages } }) =>
    query
      .select({ name: packages.name, row: versions })
      .from(versions)
      .innerJoin(packages, eq(packages.id, versions.packageId))
      .where(and(eq(versions.sha256, digest), isNotNull(versions.takenDownAt)))
      .limit(1),
  );
  if (found !== undefined) requirePresent(`${found.name} ${found.row.version}`, found.row);
}

/** Puts the blob and runs `then`. Starts again while `then` throws `BlobRemoved`. */
async function withStoredBlob<T>(
  { db, blobs, timer }: Pick<PublishDeps, "db" | "blobs" | "timer">,
  { received }: VerifiedPublication,
  then: (before: RemovalState) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const before = await db.read((session) => removalState(session.batched(), received.digest));
    // A takedown removes blobs too. What was taken down meanwhile must not be put again.
    if (tries > 1) await requireNotTakenDown(db, received.digest);
    await timer.run("store", () => blobs.put(received));
    try {
      return await then(before);
    } catch (cause) {
      if (!(cause instanceof BlobRemoved)) throw cause;
      if (tries === STORE_TRIES) throw failure({ code: "busy", retryAfterSeconds: STORE_RETRY_AFTER_SECONDS });
      await Bun.sleep(STORE_PAUSE_MS * 2 ** tries);
    }
  }
}

/** Stores the bytes of a repeated publish again: if the blob was damaged or lost, this mends it. */
async function confirm(deps: PublishDeps, publication: VerifiedPublication): Promise<void> {
  if (publication.dryRun) return;
  const putAt = deps.clock();
  await withStoredBlob(deps, publication, (before) =>
    deps.db.read((session) => requireBlob(session, publication.received.digest, before, putAt)),
  );
}

/** Returns the version as it would be recorded, for a dry run. */
function wouldBe({ publication, now }: Candidate): PublishedVersion {
  return { row: { id: 0, ...versionRow(0, publication, now) }, publishedBy: publication.publisher.user.username };
}

/**
 * Publishes a received archive: inspects it, verifies the signature, stores the blob, then runs one
 * short transaction. The blob is durable before the row exists, so a crash leaves at most a blob
 * that no version refers to. Publishing the same bytes with the same key again is `unchanged`. The
 * caller removes the received file.
 *
 * Throws what is wrong with the archive (`archive_rejected`, `signature_invalid`,
 * `validation_failed`, `secrets_found`), with its name and number (`name_taken`,
 * `name_too_similar`, `version_exists`), with the publisher (`unauthenticated`, `account_disabled`,
 * `not_an_owner`, `insufficient_scope`, `key_not_trusted`, `publish_limit_reached`) or with the
 * package (`package_archived`, `package_full`, `quarantined`); also `busy`, `database_unavailable`
 * or what the storage throws. After any of them no row refers to this publication, except that
 * after `database_unavailable` the commit may have happened: publishing again then answers
 * `unchanged`.
 */
export async function publish(deps: PublishDeps, publication: Publication): Promise<PublishOutcome> {
  const { clock, failpoints, metrics } = deps;
  failpoints.hit("publish.received");
  const verified = await verifyPublication(deps, publication);
  failpoints.hit("publish.verified");
  const { name } = verified.inspection.manifest;
  const candidate = { publication: verified, now: clock() };
  const decision = await precheck(deps, candidate);
  if (decision.outcome === "unchanged") {
    await confirm(deps, verified);
    if (!publication.dryRun) metrics.publishes.inc({ outcome: "same" });
    return { ...decision, name, proof: await readProofWithHistory(deps, decision.version.row), limits: [] };
  }
  if (publication.dryRun) {
    return { outcome: "checked", name, version: wouldBe(candidate), proof: undefined, limits: decision.limits };
  }
  const recorded = await store(deps, candidate, decision.isOnFastPath);
  failpoints.hit("publish.recorded");
  const { outcome, version, limits } = recorded;
  metrics.publishes.inc({ outcome: outcome === "created" ? "created" : "same" });
  const proof = outcome === "created" ? formatProof(recorded.logged) : await readProofWithHistory(deps, version.row);
  return { outcome, name, version, proof, limits };
}
