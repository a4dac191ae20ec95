import { readFile } from "node:fs/promises";
import { eq } from "drizzle-orm";
import type { ReceivedFile } from "../blobs/store.ts";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { errorCode, Failure } from "../errors.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import type { SignatureScheme } from "../signing/statement.ts";
import { verifyArchiveSignature } from "../signing/verify-archive.ts";
import { refusalCode, retryUntilAvailable } from "./retry.ts";

/**
 * The scheme `ed25519-archive` signs the whole archive, which must then be in memory. So such
 * archives are verified one at a time.
 */
const wholeArchives = new Semaphore(1, Number.POSITIVE_INFINITY);

/** The kinds of problems of a published version. */
export type ProblemKind =
  | "blob_missing"
  | "blob_corrupt"
  | "blob_unreadable"
  | "size_mismatch"
  | "signature_invalid"
  | "contents_missing"
  | "not_removed"
  | "unreadable";

/** One problem of one version. `detail` explains it to an operator. */
export interface Finding {
  readonly problem: ProblemKind;
  readonly detail: string;
}

/** The part of a stored version that its check needs. */
export interface CheckedVersion {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly size: number;
  readonly scheme: SignatureScheme;
  readonly publicKey: string;
  readonly signature: string;
  readonly contentsOf: number | null;
  /** Set for a version that was taken down, which has no archive and no contents. */
  readonly takenDownAt: Date | null;
  readonly takedownReason: string | null;
}

/** Selects versions to check, with the names of their packages. */
export function selectChecked({ query, tables }: DbSession) {
  const { versions, packages, versionContents } = tables;
  return query
    .select({
      id: versions.id,
      name: packages.name,
      version: versions.version,
      sha256: versions.sha256,
      size: versions.size,
      scheme: versions.signatureScheme,
      publicKey: versions.publicKey,
      signature: versions.signature,
      contentsOf: versionContents.versionId,
      takenDownAt: versions.takenDownAt,
      takedownReason: versions.takedownReason,
    })
    .from(versions)
    .innerJoin(packages, eq(packages.id, versions.packageId))
    .leftJoin(versionContents, eq(versionContents.versionId, versions.id));
}

async function signatureFinding(
  checked: CheckedVersion,
  digest: Sha256Digest,
  readArchive: () => Promise<Uint8Array>,
): Promise<Finding[]> {
  const { name, version, size, publicKey, signature, scheme } = checked;
  try {
    await verifyArchiveSignature({ publicKey, signature, scheme }, { name, version, digest, size }, readArchive);
    return [];
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.error.code !== "signature_invalid") throw cause;
    const detail = cause.error.faults.map(({ path, message }) => `${path.slice(1)} ${message}`).join("; ");
    return [{ problem: "signature_invalid", detail }];
  }
}

/**
 * Verifies the signature of a version whose archive is missing or damaged. All schemes but
 * `ed25519-archive` sign what the row contains. Whether that scheme signs a damaged archive is not
 * checked.
 */
function rowSignature(checked: CheckedVersion, digest: Sha256Digest): Promise<Finding[]> {
  if (checked.scheme === "ed25519-archive") return Promise.resolve([]);
  return signatureFinding(checked, digest, async () => new Uint8Array());
}

async function fileFindings(checked: CheckedVersion, digest: Sha256Digest, file: ReceivedFile): Promise<Finding[]> {
  if (file.digest !== digest) {
    const detail = `the archive has ${file.size} bytes and sha256 ${file.digest}, but should have ${checked.size} bytes`;
    return [{ problem: "blob_corrupt", detail }, ...(await rowSignature(checked, digest))];
  }
  if (file.size !== checked.size) {
    const detail = `the archive is complete with ${file.size} bytes, but the database says ${checked.size}`;
    return [{ problem: "size_mismatch", detail }];
  }
  const verify = () => signatureFinding(checked, digest, () => readFile(file.path));
  return checked.scheme === "ed25519-archive" ? wholeArchives.run(verify) : verify();
}

async function blobFindings({ blobs }: Pick<Deps, "blobs">, checked: CheckedVersion): Promise<Finding[]> {
  const digest = parseDigest(checked.sha256);
  if (digest === undefined) return [{ problem: "blob_missing", detail: "the database contains no valid digest" }];
  try {
    const findings = await blobs.withFile(digest, (file) => fileFindings(checked, digest, file));
    if (findings !== undefined) return findings;
    return [{ problem: "blob_missing", detail: "no archive is stored" }, ...(await rowSignature(checked, digest))];
  } catch (cause) {
    if (cause instanceof Failure && cause.error.code === "payload_too_large") {
      return [
        {
          problem: "blob_corrupt",
          detail: `the archive is larger than any archive may be, and should have ${checked.size} bytes`,
        },
      ];
    }
    if (cause instanceof Failure && cause.error.code === "blob_unreadable") {
      const detail = `the disk fails at the archive (${errorCode(cause)})`;
      return [{ problem: "blob_unreadable", detail }, ...(await rowSignature(checked, digest))];
    }
    return [{ problem: "unreadable", detail: `the storage does not return the archive: ${refusalCode(cause)}` }];
  }
}

/** A takedown that was interrupted may have left the archive, which nobody can download. */
async function takedownFindings({ blobs }: Pick<Deps, "blobs">, checked: CheckedVersion): Promise<Finding[]> {
  const digest = parseDigest(checked.sha256);
  if (digest === undefined || (await blobs.stat(digest)) === undefined) return [];
  const version = `${checked.name} ${checked.version}`;
  const command = `cpm-registry admin purge ${version} --reason ${checked.takedownReason} --reference again --yes`;
  return [{ problem: "not_removed", detail: `it was taken down, but its archive is still stored: repeat ${command}` }];
}

async function findingsOf(deps: Pick<Deps, "blobs">, checked: CheckedVersion): Promise<Finding[]> {
  if (checked.takenDownAt !== null) return takedownFindings(deps, checked);
  const findings = await blobFindings(deps, checked);
  if (checked.contentsOf !== null) return findings;
  return [
    ...findings,
    { problem: "contents_missing", detail: "the contents of the archive (file list, readme, manifest) are not stored" },
  ];
}

async function reload(db: Database, { id }: CheckedVersion): Promise<CheckedVersion | undefined> {
  const [row] = await retryUntilAvailable(() =>
    db.read((session) => selectChecked(session).where(eq(session.tables.versions.id, id))),
  );
  return row;
}

/**
 * Finds all problems of a version: reads and hashes its archive and verifies its signature. A
 * version with findings is checked twice, `pauseMs` apart and with its row read again, because a
 * publisher may be repairing it at this moment.
 */
export async function checkVersion(
  deps: Pick<Deps, "db" | "blobs">,
  checked: CheckedVersion,
  pauseMs: number,
): Promise<readonly Finding[]> {
  const first = await findingsOf(deps, checked);
  if (first.length === 0) return first;
  await Bun.sleep(pauseMs);
  const again = await reload(deps.db, checked);
  return again === undefined ? [] : findingsOf(deps, again);
}
