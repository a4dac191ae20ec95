import type { ArchiveFile, Inspection } from "../../src/archive/inspect.ts";
import { inspectArchive } from "../../src/archive/inspect.ts";
import type { Manifest } from "../../src/archive/manifest.ts";
import { discardFile } from "../../src/blobs/incoming.ts";
import { receiveFile } from "../../src/blobs/receive.ts";
import type { BlobStore } from "../../src/blobs/store.ts";
import { parseDigest, type Sha256Digest } from "../../src/domain/digest.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import type { PackageName } from "../../src/domain/package-name.ts";
import { parseVersion } from "../../src/domain/version.ts";
import { chunked, makePackage, manifestOf, type PackageDraft } from "../../test/support/archive-maker.ts";
import { sha256 } from "../../test/support/client.ts";
import { randomFrom } from "../../test/support/random.ts";
import { draftOf, type PackageText } from "./drafts.ts";
import { heavyTailed } from "./vocabulary.ts";

/**
 * `own`: each version has its own archive; `pool`: versions share a few hundred; `none`: as `pool`,
 * but none is stored.
 */
export const ARCHIVES = ["pool", "own", "none"] as const;
export type Archives = (typeof ARCHIVES)[number];

const POOL = 400;
const FILLER_MEDIAN_BYTES = 1_500;
const FILLER_MAX_BYTES = 120_000;

/** The part of a published archive that its rows are made from. */
export interface FilledArchive {
  readonly received: { readonly digest: Sha256Digest; readonly size: number };
  readonly inspection: Pick<Inspection, "manifest" | "warnings" | "manifestText" | "readme" | "values" | "files">;
}

/** Returns the archive of a version. `number` distinguishes versions. */
export type ArchiveOf = (text: PackageText, version: string, number: number) => Promise<FilledArchive>;

/** Stores archives of the kind given. Returns a function that finds the archive of a version. */
export async function prepareArchives(archives: Archives, blobs: BlobStore, seed: number): Promise<ArchiveOf> {
  if (archives === "own") return (text, version) => ownArchive(blobs, draftOf(text, version));
  const pool = await Promise.all(Array.from({ length: POOL }, (_, at) => pooled(seed, at)));
  if (archives === "pool") for (const { bytes } of pool) await store(blobs, bytes);
  return async (text, version, number) => {
    const shared = pool[number % POOL];
    if (shared === undefined) throw new RangeError("The pool is empty");
    return { received: shared.received, inspection: inspectionOf(draftOf(text, version), text.name, shared.files) };
  };
}

async function ownArchive(blobs: BlobStore, draft: PackageDraft): Promise<FilledArchive> {
  const bytes = makePackage(draft);
  await store(blobs, bytes);
  return { received: receivedOf(bytes), inspection: await inspectArchive(chunked(bytes), DEFAULT_ARCHIVE_LIMITS) };
}

interface Pooled extends Pick<FilledArchive, "received"> {
  readonly bytes: Uint8Array;
  readonly files: readonly ArchiveFile[];
}

async function pooled(seed: number, at: number): Promise<Pooled> {
  const random = randomFrom(seed ^ Math.imul(at + 1, 0x85ebca6b));
  const filler = Uint8Array.from({ length: heavyTailed(random, FILLER_MEDIAN_BYTES, FILLER_MAX_BYTES) }, () =>
    random(256),
  );
  const bytes = makePackage({ name: `pool-${at}`, version: "1.0.0", files: { "files/data.bin": filler } });
  const { files } = await inspectArchive(chunked(bytes), DEFAULT_ARCHIVE_LIMITS);
  return { bytes, received: receivedOf(bytes), files };
}

function receivedOf(bytes: Uint8Array): FilledArchive["received"] {
  const digest = parseDigest(sha256(bytes));
  if (digest === undefined) throw new Error("A digest is none");
  return { digest, size: bytes.length };
}

async function store(blobs: BlobStore, bytes: Uint8Array): Promise<void> {
  const received = await receiveFile(chunked(bytes), blobs.incomingDir, bytes.length);
  try {
    await blobs.put(received);
  } finally {
    await discardFile(received.path);
  }
}

/**
 * What an inspection of the draft's own archive would find, except its files: those are the shared
 * archive's.
 */
function inspectionOf(
  draft: PackageDraft,
  name: PackageName,
  files: readonly ArchiveFile[],
): FilledArchive["inspection"] {
  const { readme, description, tags = [], maintainers = [], dependencies = [] } = draft;
  const version = parseVersion(draft.version);
  if (version === undefined) throw new Error("A planned version is none");
  const absent = { license: undefined, homepage: undefined, repository: undefined, publicKey: undefined };
  const manifest: Manifest = {
    ...{ apiVersion: "v1", name, version, description, tags, dependencies, inputs: [], ...absent },
    maintainers: maintainers.map((one) => ({ name: one.name, email: one.email, url: undefined })),
    conditions: { colonyOSVersion: undefined, architecture: undefined },
  };
  return { manifest, manifestText: manifestOf(draft), warnings: [], readme, values: "name: test\n", files };
}
