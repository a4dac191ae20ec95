import { readStructure } from "../archive/inspect.ts";
import type { Sha256Digest } from "../domain/digest.ts";
import { WIDEST_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { Failure } from "../errors.ts";
import type { SignedArchive } from "../signing/statement.ts";
import { keyIdOf, verifyArchiveSignature } from "../signing/verify-archive.ts";
import type { Checkpoint } from "../tlog/checkpoint.ts";
import { parseExtra } from "../tlog/history.ts";
import { parseLeaf, type VersionEntry, versionLeaf } from "../tlog/leaf.ts";
import { leafHash, verifyInclusion } from "../tlog/merkle.ts";
import { type Proof, parseProof } from "../tlog/proof.ts";
import { sha256Of } from "./archive-digest.ts";
import { checkHistory } from "./check-history.ts";
import { checkCheckpoint } from "./checkpoint-checks.ts";
import { type Check, failed, isGood, ok, unchecked } from "./checks.ts";
import { fetchHistory } from "./fetch-history.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";
import { checkRegistryStatus, statusPath } from "./registry-status.ts";
import type { Trust } from "./trust.ts";

function faultText(cause: unknown): string {
  if (!(cause instanceof Failure) || !("faults" in cause.error)) throw cause;
  return cause.error.faults.map(({ path, message }) => `${path} ${message}`.trim()).join("; ");
}

/** An archive to verify. One that lies in a file is never whole in memory. */
export interface ArchiveSource {
  readonly digest: Sha256Digest;
  readonly size: number;
  /** Called for each reading of the archive. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Returns the whole archive, which only the scheme `ed25519-archive` needs. */
  bytes(): Promise<Uint8Array>;
}

function inMemory(archive: Uint8Array): ArchiveSource {
  async function* chunks() {
    yield archive;
  }
  return { digest: sha256Of(archive), size: archive.length, chunks, bytes: async () => archive };
}

async function checkArchive(archive: ArchiveSource): Promise<{ check: Check; signed: SignedArchive | undefined }> {
  try {
    const { manifest } = await readStructure(archive.chunks(), WIDEST_ARCHIVE_LIMITS);
    const { digest, size } = archive;
    const signed = { name: manifest.name, version: manifest.version.text, digest, size };
    return { check: ok("archive", `${signed.name} ${signed.version}, sha256 ${digest}, ${size} bytes`), signed };
  } catch (cause) {
    return { check: failed("archive", "archive_rejected", faultText(cause)), signed: undefined };
  }
}

type NamedVersion = Pick<SignedArchive, "name" | "version">;

const proofPath = (version: NamedVersion) => `${statusPath(version)}/proof`;

/**
 * Asks the registry now for what `verifyPackage` will need of a version, so that it comes while the
 * archive does. It changes nothing about the checks.
 */
export function prefetchChecks(client: RegistryClient, version: NamedVersion): void {
  client.prefetch(proofPath(version));
  client.prefetch(statusPath(version));
}

/** Fetches the proof of a version, or returns the failed check if there is none. */
async function fetchProof(client: RegistryClient, archive: SignedArchive): Promise<string | Check> {
  try {
    return await client.text(proofPath(archive));
  } catch (cause) {
    if (!(cause instanceof RegistryFault) || cause.status !== 404) throw cause;
    return failed("inclusion", "not_logged", `the registry has no ${archive.name} ${archive.version}`);
  }
}

/**
 * Checks that the leaf in the proof is the one that the archive itself gives. Returns the entry of
 * the leaf too.
 */
function checkProvedLeaf(bytes: Uint8Array, archive: SignedArchive): { check: Check; entry: VersionEntry | undefined } {
  const text = Buffer.from(bytes).toString("utf8");
  const leaf = parseLeaf(text);
  if (leaf?.kind !== "version") {
    return { check: failed("leaf", "leaf_mismatch", "the proof has no leaf of a version"), entry: undefined };
  }
  const { name, version, digest: sha256, size } = archive;
  const rebuilt = versionLeaf({ ...leaf, name, version, sha256, size });
  const detail =
    rebuilt === text
      ? `${name} ${version}, ${leaf.scheme}, key ${keyIdOf(leaf.publicKey)}`
      : differences(leaf, archive);
  const check = rebuilt === text ? ok("leaf", detail) : failed("leaf", "leaf_mismatch", detail);
  return { check, entry: leaf };
}

function differences(leaf: VersionEntry, { name, version, digest, size }: SignedArchive): string {
  return `the log has ${leaf.name} ${leaf.version}, sha256 ${leaf.sha256}, ${leaf.size} bytes; this archive is ${name} ${version}, sha256 ${digest}, ${size} bytes`;
}

/** Reads the archive, for the one scheme whose signature covers all of its bytes. */
type ReadArchive = () => Promise<Uint8Array>;

async function checkArchiveSignature(entry: VersionEntry | undefined, signed: SignedArchive, readArchive: ReadArchive) {
  if (entry === undefined) return unchecked("signature", "no leaf names the signing key");
  try {
    const { keyId, scheme } = await verifyArchiveSignature(entry, signed, readArchive);
    return ok("signature", `${scheme} by key ${keyId}`);
  } catch (cause) {
    return failed("signature", "signature_invalid", faultText(cause));
  }
}

function checkInclusion({ index, hashes }: Proof, leaf: Uint8Array, { size, root }: Checkpoint): Check {
  const place = `leaf ${index} of ${size}`;
  if (verifyInclusion(hashes, index, leafHash(leaf), size, root)) return ok("inclusion", place);
  return failed(
    "inclusion",
    "not_included",
    `${place}: the proof does not connect the leaf with the root of the checkpoint`,
  );
}

/** The result of verifying one archive. */
export interface Verification {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly checks: readonly Check[];
}

/**
 * Checks that an archive is signed by its publisher and is in the log. It fetches the proof from
 * the registry unless `given` has it, and also reports the present status of the version at the
 * registry. Throws `RegistryFault` if the registry cannot be reached.
 */
export async function verifyPackage(
  from: Uint8Array | ArchiveSource,
  given: string | undefined,
  trust: Trust,
): Promise<Verification> {
  const archive = from instanceof Uint8Array ? inMemory(from) : from;
  const { check, signed } = await checkArchive(archive);
  if (signed === undefined) return { name: undefined, version: undefined, checks: [check] };
  const text = given ?? (trust.client && (await fetchProof(trust.client, signed))) ?? "";
  const checks =
    typeof text === "string"
      ? await checkProof(text, signed, () => archive.bytes(), trust, given === undefined)
      : [text];
  const status = trust.client === undefined || !isGood(checks) ? [] : [await checkRegistryStatus(trust.client, signed)];
  return { name: signed.name, version: signed.version, checks: [check, ...checks, ...status] };
}

/**
 * Checks what a proof says of an archive that was inspected and hashed. `isFresh` is whether the
 * registry made the proof just now. Throws `RegistryFault` if the registry cannot be reached.
 */
export async function checkProof(
  text: string,
  signed: SignedArchive,
  readArchive: ReadArchive,
  trust: Trust,
  isFresh: boolean,
): Promise<Check[]> {
  const proof = parseProof(text);
  const extra = proof && parseExtra(proof.extra ?? new Uint8Array());
  if (proof === undefined || extra === undefined) {
    return [failed("inclusion", "proof_malformed", "is malformed (c2sp.org/tlog-proof)")];
  }
  const { check: leaf, entry } = checkProvedLeaf(extra.leaf, signed);
  const signature = await checkArchiveSignature(entry, signed, readArchive);
  const asksChanges = extra.history?.some(({ leaf: other }) => isLogChange(other)) !== false;
  const { checks, checkpoint, changes, saveSeen } = await checkCheckpoint(proof.checkpoint, trust, asksChanges);
  if (checkpoint === undefined || entry === undefined) return [leaf, signature, ...checks];
  const inclusion = checkInclusion(proof, extra.leaf, checkpoint);
  const all = [leaf, signature, inclusion, ...checks];
  if (!isGood(all)) return all;
  const history = extra.history ?? (trust.client && (await fetchHistory(trust.client, entry, checkpoint.size)));
  if (history === undefined) return [...all, noHistory()];
  const { index } = proof;
  const proved = { changes: trust.client !== undefined && asksChanges ? changes : undefined };
  const asked = { ...checkpoint, index, entry, history, isFresh: isFresh || extra.history === undefined, ...proved };
  const checked = await checkHistory(asked, trust.knownKeys, trust.now);
  if (isGood(checked.checks)) {
    await Promise.all([saveSeen(), checked.remember()]);
  }
  return [...all, ...checked.checks];
}

/**
 * Whether a leaf changes the log itself. Such leaves say which origin the statements of key changes
 * name.
 */
function isLogChange(leaf: Uint8Array): boolean {
  return parseLeaf(Buffer.from(leaf).toString("utf8"))?.kind === "log";
}

function noHistory(): Check {
  const detail =
    "this proof does not say who may sign the package: take the one of GET /api/packages/{name}/{version}/proof, or give --registry";
  return failed("signer", "history_missing", detail);
}
