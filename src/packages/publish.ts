import { readFile } from "node:fs/promises";
import { eq } from "drizzle-orm";
import type { ReceivedFile } from "../blobs/store.ts";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { type Fault, failure } from "../errors.ts";
import { Lanes } from "../gate.ts";
import { type Inspection, inspectArchive } from "../registry/archive.ts";
import type { Sha256Digest } from "../registry/digest.ts";
import { foldName } from "../registry/package-name.ts";
import { decodeStrictly } from "../signing/encoding.ts";
import type { SignatureScheme } from "../signing/statement.ts";
import { type SignatureFields, type VerifiedSignature, verifyArchiveSignature } from "../signing/verify-archive.ts";
import { type RemovalState, removalState, wasKept } from "./blob-removals.ts";
import { lockPackage, requireOwner } from "./find-package.ts";
import { findVersion } from "./find-version.ts";
import { contentsRow, manifestRecord, toJson } from "./records.ts";
import { refreshSummary } from "./refresh-summary.ts";
import type { PackageRow, PublishedVersion, VersionRow } from "./views.ts";

/** Inspecting is work for one thread and leaves garbage: two large archives at once take longer, and more memory. */
const inspections = new Lanes({ largeAtOnce: 1, smallAtOnce: 4, waitingMax: 1_000 });

/** A `gc` that removes this very blob right now is done with it in a moment. */
const STORE_TRIES = 6;
const STORE_PAUSE_MS = 50;
const STORE_RETRY_AFTER_SECONDS = 5;

type PublishDeps = Pick<Deps, "db" | "blobs" | "clock" | "config" | "reach">;

/** An archive that was received and what its publisher said of it. */
export interface Publication {
  readonly publisher: { readonly id: string; readonly username: string };
  readonly received: ReceivedFile;
  readonly signature: string;
  /** May be left out when `colony.yaml` names the key. */
  readonly publicKey: string | undefined;
  readonly scheme: SignatureScheme | undefined;
  /** Optional statements of the form; where they are there they must agree with `colony.yaml`. */
  readonly statedName: string | undefined;
  readonly statedVersion: string | undefined;
  /** Checks everything and stores nothing. */
  readonly dryRun: boolean;
}

/** `created`: a new version; `unchanged`: these bytes were published before by this key; `checked`: a dry run. */
export interface PublishOutcome {
  readonly outcome: "created" | "unchanged" | "checked";
  readonly name: string;
  readonly version: PublishedVersion;
}

/** An archive that was inspected and whose signature holds. */
interface Verified extends Publication {
  readonly inspection: Inspection;
  readonly verified: VerifiedSignature;
}

/**
 * The legacy schemes sign the archive alone: they are safe against replay under another name only because name and
 * version always come from the signed `colony.yaml`, and everything else that states them must agree.
 */
function requireAgreement({ statedName, statedVersion }: Publication, { manifest }: Inspection): void {
  const faults: Fault[] = [];
  if (statedName !== undefined && statedName !== manifest.name) {
    faults.push({ path: "/name", message: `is not the name in colony.yaml, ${manifest.name}` });
  }
  if (statedVersion !== undefined && statedVersion !== manifest.version.text) {
    faults.push({ path: "/version", message: `is not the version in colony.yaml, ${manifest.version.text}` });
  }
  if (faults.length > 0) throw failure({ code: "validation_failed", faults });
}

function chooseKey(fromForm: string | undefined, fromManifest: string | undefined): string {
  const chosen = fromForm ?? fromManifest;
  if (chosen === undefined) {
    const message = "is missing: send the field, or name the key in colony.yaml";
    throw failure({ code: "validation_failed", faults: [{ path: "/publicKey", message }] });
  }
  if (fromForm === undefined || fromManifest === undefined || fromForm === fromManifest) return chosen;
  const [form, manifest] = [decodeStrictly(fromForm, 32), decodeStrictly(fromManifest, 32)];
  if (form !== undefined && manifest !== undefined && Buffer.from(form).equals(manifest)) return chosen;
  const message = "is not the publicKey in colony.yaml";
  throw failure({ code: "signature_invalid", faults: [{ path: "/publicKey", message }] });
}

async function verify(deps: Pick<Deps, "config">, publication: Publication): Promise<Verified> {
  const { received, signature, scheme } = publication;
  const archive = Bun.file(received.path);
  const inspection = await inspections.run(received.size, () =>
    inspectArchive(archive.stream(), deps.config.archiveLimits),
  );
  requireAgreement(publication, inspection);
  const { manifest } = inspection;
  const fields: SignatureFields = {
    signature,
    // A field left empty in a template names no key, in the form as in colony.yaml.
    publicKey: chooseKey(publication.publicKey, manifest.publicKey?.trim() || undefined),
    scheme,
  };
  const { digest, size } = received;
  const signed = { name: manifest.name, version: manifest.version.text, digest, size };
  const verified = await verifyArchiveSignature(fields, signed, () => readFile(received.path));
  return { ...publication, inspection, verified };
}

/** Finds or makes the package and locks its row until the transaction ends; throws `name_taken` or `not_an_owner`. */
async function claimPackage(session: DbSession, { inspection, publisher }: Verified, now: Date): Promise<PackageRow> {
  const { query, tables } = session;
  const { packages, packageOwners } = tables;
  const { name, description = "", tags } = inspection.manifest;
  const [made] = await query
    .insert(packages)
    .values({
      name,
      nameFolded: foldName(name),
      description,
      tags: [...tags],
      listed: true,
      downloads: 0,
      createdAt: now,
      updatedAt: now,
    })
    .onConflictDoNothing()
    .returning();
  if (made !== undefined) {
    await query.insert(packageOwners).values({ packageId: made.id, userId: publisher.id, createdAt: now });
    return made;
  }
  // Whether the package was updated is known only when the version proves to be new.
  const existing = await lockPackage(session, name);
  if (existing === undefined) throw new Error("A package that conflicts with an insert was not found");
  await requireClaim(session, existing, name, publisher.id);
  return existing;
}

async function requireClaim(session: DbSession, existing: PackageRow, name: string, userId: string): Promise<void> {
  if (existing.name !== name) throw failure({ code: "name_taken", name, existing: existing.name });
  await requireOwner(session, existing, userId);
}

/** Throws `version_exists` unless the version was published with the same bytes and the same key. */
function requireSame(existing: VersionRow, { inspection, received, verified }: Verified): void {
  const { name, version } = inspection.manifest;
  const sameBytes = existing.sha256 === received.digest;
  if (sameBytes && existing.publicKey === verified.publicKey) return;
  const reason = sameBytes
    ? "was published with the same contents and another key."
    : `was published with other contents (sha256 ${existing.sha256}).`;
  throw failure({ code: "version_exists", name, version: version.text, reason });
}

/** Answers early what the transaction would answer too, before anything is stored. */
async function foresee(db: Database, publication: Verified): Promise<PublishedVersion | undefined> {
  const { name, version } = publication.inspection.manifest;
  return db.read(async (session) => {
    const { packages } = session.tables;
    const [existing] = await session.query
      .select()
      .from(packages)
      .where(eq(packages.nameFolded, foldName(name)));
    if (existing === undefined) return undefined;
    await requireClaim(session, existing, name, publication.publisher.id);
    const published = await findVersion(session, existing.id, version.key);
    if (published !== undefined) requireSame(published.row, publication);
    return published;
  });
}

function versionRow(packageId: number, { inspection, received, verified, publisher }: Verified, now: Date) {
  const { manifest, warnings } = inspection;
  return {
    packageId,
    version: manifest.version.text,
    versionKey: manifest.version.key,
    sha256: received.digest,
    size: received.size,
    manifest: toJson(manifestRecord(manifest)),
    warnings: toJson(warnings),
    signatureScheme: verified.scheme,
    publicKey: verified.publicKey,
    signature: verified.signature,
    publishedBy: publisher.id,
    publishedAt: now,
    yankedAt: null,
    yankReason: null,
    yankMessage: null,
    yankReplacement: null,
    quarantinedAt: null,
    quarantineReason: null,
    keyCompromised: false,
    downloads: 0,
  };
}

/** `gc` may have removed the blob after it was put: nothing was recorded, and it must be put again. */
class BlobRemoved extends Error {}

async function requireKept(session: DbSession, digest: Sha256Digest, before: RemovalState, putAt: Date): Promise<void> {
  if (!wasKept(before, await removalState(session, digest), putAt)) throw new BlobRemoved();
}

/** The one transaction of a publish. The unique index on package and version decides between racing publishers. */
async function record(
  session: DbSession,
  kind: Database["kind"],
  publication: Verified,
  removals: RemovalState,
  now: Date,
) {
  const { query, tables } = session;
  const { versions, versionContents } = tables;
  const { manifest } = publication.inspection;
  const claimed = await claimPackage(session, publication, now);
  const [row] = await query
    .insert(versions)
    .values(versionRow(claimed.id, publication, now))
    .onConflictDoNothing()
    .returning();
  if (row === undefined) {
    const existing = await findVersion(session, claimed.id, manifest.version.key);
    if (existing === undefined) throw new Error("A version that conflicts with an insert was not found");
    requireSame(existing.row, publication);
    return { outcome: "unchanged" as const, version: existing };
  }
  await requireKept(session, publication.received.digest, removals, now);
  await query.insert(versionContents).values(contentsRow(row.id, publication.inspection));
  await refreshSummary(session, kind, claimed, now);
  return { outcome: "created" as const, version: { row, publishedBy: publication.publisher.username } };
}

/** Puts the blob, then records the version; again where `gc` removed that very blob in between. */
function store(deps: PublishDeps, publication: Verified, now: Date) {
  const { db, reach } = deps;
  return putKept(deps, publication, (removals) => {
    reach("publish.stored");
    return db.write(async (session) => {
      const recorded = await record(session, db.kind, publication, removals, now);
      reach("publish.inserted");
      return recorded;
    });
  });
}

/** Puts the blob and runs `then`; again while that throws `BlobRemoved`. */
async function putKept<T>(
  { db, blobs }: Pick<PublishDeps, "db" | "blobs">,
  { received }: Verified,
  then: (before: RemovalState) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const before = await db.read((session) => removalState(session, received.digest));
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
async function confirm(deps: PublishDeps, publication: Verified): Promise<void> {
  if (publication.dryRun) return;
  const putAt = deps.clock();
  await putKept(deps, publication, (before) =>
    deps.db.read((session) => requireKept(session, publication.received.digest, before, putAt)),
  );
}

/**
 * Publishes a received archive: inspect, verify the signature, store the blob, then one short transaction. The blob is
 * durable before the row exists, so a crash leaves at most a blob nothing refers to. Publishing the same bytes with
 * the same key again is `unchanged`. The caller removes the received file.
 *
 * Throws `archive_rejected`, `signature_invalid`, `validation_failed`, `not_an_owner`, `name_taken`, `version_exists`,
 * `busy`, `database_unavailable` or what the storage throws; after any of them no row refers to this publication, except
 * that after `database_unavailable` the commit may have happened, and publishing again tells.
 */
export async function publish(deps: PublishDeps, publication: Publication) {
  const { db, clock, reach } = deps;
  reach("publish.received");
  const checked = await verify(deps, publication);
  reach("publish.verified");
  const { name } = checked.inspection.manifest;
  const existing = await foresee(db, checked);
  if (existing !== undefined) {
    await confirm(deps, checked);
    return { outcome: "unchanged", name, version: existing } satisfies PublishOutcome;
  }
  const now = clock();
  if (publication.dryRun) {
    const row = { id: 0, ...versionRow(0, checked, now) };
    const version = { row, publishedBy: publication.publisher.username };
    return { outcome: "checked", name, version } satisfies PublishOutcome;
  }
  const recorded = await store(deps, checked, now);
  reach("publish.recorded");
  return { name, ...recorded } satisfies PublishOutcome;
}
