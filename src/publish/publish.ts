import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { Sha256Digest } from "../domain/digest.ts";
import { failure } from "../errors.ts";
import { readVersionProof } from "../log/read-proof.ts";
import { isStillStored, type RemovalState, removalState } from "../packages/blob-removals.ts";
import { versionRow } from "../packages/version-rows.ts";
import { formatProof } from "../tlog/proof.ts";
import type { PublishBatcher } from "./batcher.ts";
import type { Publication, PublishOutcome } from "./publication.ts";
import { precheck, recordPublication } from "./record.ts";
import { type VerifiedPublication, verifyPublication } from "./verify-publication.ts";

/** A `gc` that removes this very blob right now is done with it in a moment. */
const STORE_TRIES = 6;
const STORE_PAUSE_MS = 50;
const STORE_RETRY_AFTER_SECONDS = 5;

/** Where publishes that need not go alone wait for one another. */
export interface PublishServices {
  readonly batcher: Pick<PublishBatcher, "record">;
}

type PublishDeps = Pick<Deps, "db" | "blobs" | "clock" | "config" | "log" | "failpoints"> & PublishServices;

/** `gc` may have removed the blob after it was put: nothing was recorded, and it must be put again. */
class BlobRemoved extends Error {}

async function requireBlob(session: DbSession, digest: Sha256Digest, before: RemovalState, putAt: Date): Promise<void> {
  if (!isStillStored(before, await removalState(session, digest), putAt)) throw new BlobRemoved();
}

/**
 * Puts the blob, then records the version, together with others where it is a plain update; again where `gc` removed that
 * very blob in between.
 */
function store(deps: PublishDeps, publication: VerifiedPublication, isPlain: boolean, now: Date) {
  const { db, failpoints, batcher } = deps;
  return withStoredBlob(deps, publication, async (removals) => {
    failpoints.hit("publish.stored");
    // After the insert, as blob-removals.ts says: either gc sees the version, or this sees the removal.
    const requireStored = (session: DbSession) => requireBlob(session, publication.received.digest, removals, now);
    const pending = { publication, now, requireBlob: requireStored };
    const update = isPlain ? await batcher.record(deps, pending) : undefined;
    if (update !== undefined) return { outcome: "created" as const, ...update };
    return db.write(async (session) => {
      const recorded = await recordPublication(session, deps, pending);
      failpoints.hit("publish.inserted");
      return recorded;
    });
  });
}

/** Puts the blob and runs `then`; again while that throws `BlobRemoved`. */
async function withStoredBlob<T>(
  { db, blobs }: Pick<PublishDeps, "db" | "blobs">,
  { received }: VerifiedPublication,
  then: (before: RemovalState) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const before = await db.read((session) => removalState(session.batched(), received.digest));
    await blobs.put(received);
    try {
      return await then(before);
    } catch (cause) {
      if (!(cause instanceof BlobRemoved)) throw cause;
      if (tries === STORE_TRIES) throw failure({ code: "busy", retryAfterSeconds: STORE_RETRY_AFTER_SECONDS });
      await Bun.sleep(STORE_PAUSE_MS * 2 ** tries);
    }
  }
}

/** Publishing the same again stores the bytes again: should the blob be damaged or lost, this mends it. */
async function confirm(deps: PublishDeps, publication: VerifiedPublication): Promise<void> {
  if (publication.dryRun) return;
  const putAt = deps.clock();
  await withStoredBlob(deps, publication, (before) =>
    deps.db.read((session) => requireBlob(session, publication.received.digest, before, putAt)),
  );
}

/**
 * Publishes a received archive: inspect, verify the signature, store the blob, then one short transaction. The blob is
 * durable before the row exists, so a crash leaves at most a blob nothing refers to. Publishing the same bytes with
 * the same key again is `unchanged`. The caller removes the received file.
 *
 * Throws what is wrong with the archive (`archive_rejected`, `signature_invalid`, `validation_failed`, `secrets_found`),
 * with its name and number (`name_taken`, `name_too_similar`, `version_exists`), with who publishes (`not_an_owner`,
 * `insufficient_scope`, `key_not_trusted`, `publish_limit_reached`) or with the package (`package_archived`,
 * `package_full`, `quarantined`); also `busy`, `database_unavailable` or what the storage throws. After any of them no row
 * refers to this publication, except that after `database_unavailable` the commit may have happened, and publishing again
 * tells.
 */
export async function publish(deps: PublishDeps, publication: Publication): Promise<PublishOutcome> {
  const { clock, failpoints } = deps;
  failpoints.hit("publish.received");
  const checked = await verifyPublication(deps, publication);
  failpoints.hit("publish.verified");
  const { name } = checked.inspection.manifest;
  const now = clock();
  const { published, isPlain, limits } = await precheck(deps, checked, now);
  if (published !== undefined) {
    await confirm(deps, checked);
    const proof = await readVersionProof(deps, published.row);
    return { outcome: "unchanged", name, version: published, proof, limits };
  }
  if (publication.dryRun) {
    const version = {
      row: { id: 0, ...versionRow(0, checked, now) },
      publishedBy: publication.publisher.user.username,
    };
    return { outcome: "checked", name, version, proof: undefined, limits };
  }
  const { outcome, version, limits: left, ...recorded } = await store(deps, checked, isPlain, now);
  failpoints.hit("publish.recorded");
  const proof = "logged" in recorded ? formatProof(recorded.logged) : await readVersionProof(deps, version.row);
  return { outcome, name, version, proof, limits: left };
}
