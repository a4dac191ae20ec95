import { createReadStream } from "node:fs";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { COMPRESSED_HARD_MAX_BYTES } from "../domain/limits.ts";
import { foldName } from "../domain/package-name.ts";
import { parseVersion } from "../domain/version.ts";
import { type Check, failed, isGood } from "../verify/checks.ts";
import { KnownKeysFault } from "../verify/known-keys.ts";
import { RegistryFault } from "../verify/registry-client.ts";
import { SeenLogFault } from "../verify/seen-logs.ts";
import type { Trust } from "../verify/trust.ts";
import type { Verification } from "../verify/verify-package.ts";
import type { ApiClient } from "./api-client.ts";
import { clientFault } from "./client-fault.ts";
import { getDocument } from "./document-shape.ts";
import { type PackageSpec, packageSpecText, versionPath } from "./package-spec.ts";
import { VERSION, type VersionDocument } from "./registry-documents.ts";
import { downloadArchive, type TransferReport } from "./transfer.ts";

/** An archive and its checks. If it was fetched, it lies in a file that nobody else knows. */
export interface VerifiedArchive {
  readonly name: string;
  readonly version: string;
  readonly digest: Sha256Digest;
  readonly size: number;
  readonly path: string;
  /** False if the file was there before. */
  readonly isFetched: boolean;
  readonly checks: readonly Check[];
}

/** What a download needs. */
export interface DownloadOptions {
  readonly client: ApiClient;
  readonly trust: Trust;
  /** Where archives lie until they are verified. */
  readonly directory: string;
  /** Returns a file with the version's digest, if the user has it already. */
  readonly existing?: (version: VersionDocument) => Promise<string | undefined>;
  readonly report: (version: VersionDocument) => TransferReport;
  /** A stored proof, used instead of the registry's answer. */
  readonly proof?: string | undefined;
}

/**
 * Downloads a version and verifies it: digest, signature, who may sign the package by its history
 * in the log, and that the log has it. Throws `ClientFault` if it cannot, and then leaves no file.
 */
export function downloadVerified(spec: PackageSpec, options: DownloadOptions): Promise<VerifiedArchive> {
  return downloadJudged(spec, options, requireVerified);
}

/**
 * Downloads a version and checks it as `downloadVerified` does, but returns it whatever the checks
 * found. The caller removes the file. Throws `ClientFault` if it cannot be fetched or checked.
 */
export function downloadChecked(spec: PackageSpec, options: DownloadOptions): Promise<VerifiedArchive> {
  return downloadJudged(spec, options, () => undefined);
}

/** Throws for an archive that must not be kept. */
type Judge = (checks: readonly Check[], found: VersionDocument) => void;

async function downloadJudged(spec: PackageSpec, options: DownloadOptions, judge: Judge): Promise<VerifiedArchive> {
  const { client, trust, directory, report } = options;
  const asked = getDocument<VersionDocument>(client, versionPath(spec), VERSION);
  // The checks are loaded while the registry answers: they are most of this program's client.
  const loaded = import("../verify/verify-package.ts");
  const [found, { prefetchChecks, verifyPackage }] = await Promise.all([asked, loaded]);
  const digest = requireAsked(found, spec);
  const { name, version, sha256, size } = found;
  if (trust.client !== undefined) prefetchChecks(trust.client, found);
  const read = async (chunks: () => AsyncIterable<Uint8Array>) => {
    const source = { digest, size, chunks, bytes: () => wholeOf(chunks()) };
    const verified = await explained(() => verifyPackage(source, options.proof, trust));
    const checks = checksWithName(verified, found);
    judge(checks, found);
    return checks;
  };
  const existing = await options.existing?.(found);
  if (existing !== undefined) {
    const checks = await read(() => createReadStream(existing));
    return { name, version, digest, size, path: existing, isFetched: false, checks };
  }
  const archive = { path: `${versionPath({ name, version })}/download`, sha256, size };
  const transfer = { directory, now: trust.now, report: report(found), read };
  const { path, result: checks } = await downloadArchive(client, archive, transfer);
  return { name, version, digest, size, path, isFetched: true, checks };
}

/** Only the scheme `ed25519-archive` needs all bytes at once. */
async function wholeOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(chunks));
}

/**
 * The answer has to be about what was asked for, and has to be an archive that a registry can have.
 */
function requireAsked(found: VersionDocument, spec: PackageSpec): Sha256Digest {
  const { name, version, sha256, size } = found;
  const digest = parseDigest(sha256);
  const isAsked = foldName(name) === foldName(spec.name) && parseVersion(version) !== undefined;
  if (!isAsked || digest === undefined || !Number.isSafeInteger(size) || size < 1) {
    const detail = `The registry's answer about ${packageSpecText(spec)} is not that of a registry. Is the address right?`;
    throw clientFault("unavailable", "client_not_a_registry", detail);
  }
  if (size <= COMPRESSED_HARD_MAX_BYTES) return digest;
  const detail = `The registry says that ${name} ${version} has ${size} bytes. No package is that large, so nothing was downloaded.`;
  throw clientFault("failed", "client_too_long", detail);
}

/** The archive names itself; the registry must not give another one for it. */
function checksWithName(verified: Verification, { name, version }: VersionDocument): readonly Check[] {
  const isOther =
    verified.name !== undefined && (foldName(verified.name) !== foldName(name) || verified.version !== version);
  if (!isOther) return verified.checks;
  const detail = `it is ${verified.name} ${verified.version}, and not ${name} ${version}`;
  return [...verified.checks, failed("package", "name_differs", detail)];
}

function requireVerified(checks: readonly Check[], { name, version }: VersionDocument): void {
  if (isGood(checks)) return;
  const wrong = checks.filter(({ result }) => result === "failed");
  const lines = wrong.map(({ check, code = "", detail }) => ({ path: check, code, message: `${code}: ${detail}` }));
  const detail = `${name} ${version} does not verify, and was not saved. Do not use it.
Tell its owners, and the registry's operator. What each check means: cpm-registry verify --help`;
  throw clientFault("failed", "client_not_verified", detail, lines);
}

/** The checks have failures of their own. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof RegistryFault) {
      const isDenied = cause.status === 401 || cause.status === 403;
      throw clientFault(isDenied ? "denied" : "unavailable", "client_registry_unusable", `${cause.message}.`);
    }
    if (cause instanceof SeenLogFault || cause instanceof KnownKeysFault) {
      throw clientFault("failed", "client_file", `${cause.message}.`);
    }
    throw cause;
  }
}
