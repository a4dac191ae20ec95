import type { S3Config } from "../config/storage.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { COMPRESSED_HARD_MAX_BYTES } from "../domain/limits.ts";
import { errorCode, Failure, failure } from "../errors.ts";
import { type Failpoints, noFailpoints } from "../runtime/failpoints.ts";
import { SizeClassSemaphores } from "../runtime/semaphore.ts";
import { discardFile } from "./incoming.ts";
import { receiveFile } from "./receive.ts";
import { type FaultReport, S3Bucket } from "./s3-bucket.ts";
import { toFailure, wrongAnswer } from "./s3-fault.ts";
import { S3Sidecars } from "./s3-sidecars.ts";
import { SpilledFiles } from "./spilled-files.ts";
import {
  type BlobBody,
  type BlobStat,
  type BlobStore,
  type ByteRange,
  blobKey,
  type KnownBlob,
  type LinkOptions,
  type ListedBlob,
  type ReceivedFile,
  type SidecarDirectory,
  type SidecarName,
  VERIFIED_MAX_BYTES,
} from "./store.ts";
import { hashChunks, verifiedPart } from "./verify.ts";

/**
 * Large transfers have a low concurrency. An upload over TLS is in memory while it is sent, and
 * reading it back takes buffers of any size. Among a hundred concurrent downloads, each would be
 * too slow for its deadline.
 */
const LARGE_UPLOAD_CONCURRENCY = 2;
const LARGE_DOWNLOAD_CONCURRENCY = 8;
/**
 * A call that waits longer fails as `busy`, because its client will not wait much longer either.
 */
const SIZE_CLASS_LIMITS = { smallConcurrency: 32, waitingMax: 1_000, waitMaxMs: 30_000 };
/**
 * A caller that does not say when it has read the body has read it, or opened its file, by then.
 */
const READ_AFTER_MS = 5_000;
/**
 * The shortest time between two real checks of the bucket. `/health` is public, and requests to S3
 * cost money.
 */
const CHECK_EVERY_MS = 5_000;
const WRONG_BYTES = "WrongBytes";
const WRONG_LENGTH = "WrongLength";
/** S3's code for a range outside of the object: the object is shorter than it should be. */
const INVALID_RANGE = "InvalidRange";
const CHECK_KEY = "check";
const CHECK_BYTES = new TextEncoder().encode("cpm-registry\n");

/** What an S3 store needs in addition to the configuration of its bucket. */
interface S3StoreOptions {
  /** A prepared local directory for uploads and for downloads that pass through this process. */
  readonly incomingDir: string;
  readonly report: FaultReport;
  readonly failpoints?: Failpoints;
  /** Credentials end by this clock. */
  readonly clock: () => Date;
}

/**
 * Opens a blob store in a bucket. Blobs are at `<prefix>sha256/ab/<digest>`, and damaged blobs at
 * `<prefix>corrupt/`. It sends no request: a server must `check` the store before it serves from
 * it.
 */
export function openS3Store(config: S3Config, options: S3StoreOptions): BlobStore {
  return new S3Store(config, options);
}

class S3Store implements BlobStore {
  readonly incomingDir: string;
  readonly #bucket: S3Bucket;
  readonly #redirect: boolean;
  readonly #failpoints: Failpoints;
  readonly #uploads = new SizeClassSemaphores({
    ...SIZE_CLASS_LIMITS,
    largeConcurrency: LARGE_UPLOAD_CONCURRENCY,
    name: "uploads",
  });
  readonly #downloads = new SizeClassSemaphores({
    ...SIZE_CLASS_LIMITS,
    largeConcurrency: LARGE_DOWNLOAD_CONCURRENCY,
    name: "downloads",
  });
  readonly #spilled: SpilledFiles;
  readonly #sidecars: S3Sidecars;
  #check: { readonly atMs: number; readonly done: Promise<void> } | undefined;

  constructor(config: S3Config, { incomingDir, report, failpoints = noFailpoints, clock }: S3StoreOptions) {
    this.incomingDir = incomingDir;
    this.#redirect = config.redirect;
    this.#failpoints = failpoints;
    this.#bucket = new S3Bucket(config, report, clock);
    this.#spilled = new SpilledFiles(config.spillMaxBytes);
    this.#sidecars = new S3Sidecars(this.#bucket, (...object) => this.#putObject(...object));
  }

  /**
   * Sends the file with one PUT and reads the object back. It never uses Bun's multipart upload,
   * which reports success even if its completion failed. A status of 200 proves nothing: the
   * response may carry an error, or the storage may have stored less than was sent.
   */
  put(received: ReceivedFile): Promise<void> {
    return this.#uploads.run(received.size, () => this.#putAndCompare(received));
  }

  async #putAndCompare({ path, digest, size }: ReceivedFile): Promise<void> {
    const key = blobKey(digest);
    await this.#putObject(key, Bun.file(path), size);
    this.#failpoints.hit("blob.uploaded");
    const request = { method: "GET", key, bytes: size } as const;
    const stored = await this.#bucket.send(request, (response) => hashChunks(bodyOf(response)));
    if (stored?.digest !== digest)
      throw toFailure(wrongAnswer(stored === undefined ? "NotStored" : "StoredOtherBytes"));
  }

  async read(blob: KnownBlob, range?: ByteRange, sent = readInTime): Promise<BlobBody | undefined> {
    try {
      if (blob.size <= VERIFIED_MAX_BYTES) return await this.#readSmall(blob, range);
      const { first, last } = range ?? { first: 0, last: blob.size - 1 };
      const key = `${blob.digest} ${first}-${last}`;
      const path = await this.#spilled.open(key, last - first + 1, sent, () => this.#spill(blob, range));
      return path === undefined ? undefined : Bun.file(path);
    } catch (cause) {
      throw await this.#asCorruption(cause, blob);
    }
  }

  #readSmall(blob: KnownBlob, range: ByteRange | undefined): Promise<BlobBody | undefined> {
    const { digest, size } = blob;
    const request = { method: "GET", key: blobKey(digest), bytes: size } as const;
    const take = async (response: Response) => {
      requireLength(response, size, undefined);
      return verifiedBytes(new Uint8Array(await response.arrayBuffer()), blob, range);
    };
    return this.#downloads.run(size, () => this.#bucket.send(request, take));
  }

  /** Downloads a large blob or a range of it into a local file. Only the whole is verified. */
  #spill({ digest, size }: KnownBlob, part: ByteRange | undefined): Promise<string | undefined> {
    const headers = part === undefined ? {} : { range: `bytes=${part.first}-${part.last}` };
    const bytes = part === undefined ? size : part.last - part.first + 1;
    const request = { method: "GET", key: blobKey(digest), bytes, headers } as const;
    const take = async (response: Response): Promise<string> => {
      requireLength(response, bytes, part === undefined ? undefined : size);
      const file = await receiveFile(bodyOf(response), this.incomingDir, bytes, "download");
      if (part !== undefined || file.digest === digest) return file.path;
      await discardFile(file.path);
      throw wrongAnswer(WRONG_BYTES);
    };
    return this.#downloads.run(bytes, () => this.#bucket.send(request, take));
  }

  /**
   * Converts repeated wrong downloads to `blob_corrupt`: the blob itself is damaged. A wrong length
   * counts only if the storage also reports another size.
   */
  async #asCorruption(cause: unknown, { digest, size }: KnownBlob): Promise<unknown> {
    const code = cause instanceof Failure ? errorCode(cause) : undefined;
    const isShorter = code === WRONG_LENGTH || code === INVALID_RANGE;
    const isDamaged = code === WRONG_BYTES || (isShorter && (await this.stat(digest))?.size !== size);
    return isDamaged ? failure({ code: "blob_corrupt", digest }, cause) : cause;
  }

  async withFile<T>(digest: Sha256Digest, use: (file: ReceivedFile) => Promise<T>): Promise<T | undefined> {
    const request = { method: "GET", key: blobKey(digest), bytes: COMPRESSED_HARD_MAX_BYTES } as const;
    const file = await this.#bucket.send(request, (response) =>
      receiveFile(bodyOf(response), this.incomingDir, COMPRESSED_HARD_MAX_BYTES, "download"),
    );
    if (file === undefined) return undefined;
    try {
      return await use(file);
    } finally {
      await discardFile(file.path);
    }
  }

  stat(digest: Sha256Digest): Promise<BlobStat | undefined> {
    return this.#bucket.send({ method: "HEAD", key: blobKey(digest), bytes: 0 }, async ({ headers }) => ({
      size: Number(headers.get("content-length")),
      storedAt: new Date(headers.get("last-modified") ?? 0),
    }));
  }

  async remove(digest: Sha256Digest): Promise<void> {
    await this.#bucket.send({ method: "DELETE", key: blobKey(digest), bytes: 0 }, async () => undefined);
  }

  async setAside(digest: Sha256Digest): Promise<void> {
    await this.withFile(digest, async (file) => {
      // The right bytes were published again after the damage was found.
      if (file.digest === digest) return;
      await this.#putObject(`corrupt/${digest}-${crypto.randomUUID()}`, Bun.file(file.path), file.size);
      await this.remove(digest);
    });
  }

  async removeSetAside(digest: Sha256Digest): Promise<void> {
    for await (const { key } of this.#bucket.list(`corrupt/${digest}-`)) {
      await this.#bucket.send({ method: "DELETE", key, bytes: 0 }, async () => undefined);
    }
  }

  /** An answered removal is durable. */
  async settleRemovals(): Promise<void> {}

  async *list(prefix = ""): AsyncGenerator<ListedBlob> {
    const keys = `sha256/${prefix.slice(0, 2)}${prefix.length > 2 ? `/${prefix}` : ""}`;
    for await (const { key, ...found } of this.#bucket.list(keys)) {
      const name = key.slice("sha256/".length);
      const digest = parseDigest(name.slice(3));
      yield { ...found, name, digest: digest !== undefined && blobKey(digest) === key ? digest : undefined };
    }
  }

  link(digest: Sha256Digest, { fileName, mediaType }: LinkOptions): string | undefined {
    return this.#redirect ? this.#bucket.link(blobKey(digest), fileName, mediaType) : undefined;
  }

  putSidecar = (name: SidecarName, content: string | Uint8Array<ArrayBuffer>) =>
    this.#sidecars.putSidecar(name, content);
  putRecent = (name: SidecarName, content: string) => this.#sidecars.putRecent(name, content);
  readSidecar = (name: SidecarName) => this.#sidecars.readSidecar(name);
  readSidecarBytes = (name: SidecarName) => this.#sidecars.readSidecarBytes(name);
  sidecarsIn = (directory: SidecarDirectory) => this.#sidecars.sidecarsIn(directory);
  removeSidecar = (name: SidecarName) => this.#sidecars.removeSidecar(name);
  removeSidecars = (directory: SidecarDirectory) => this.#sidecars.removeSidecars(directory);

  check(): Promise<void> {
    const nowMs = performance.now();
    if (this.#check === undefined || nowMs - this.#check.atMs > CHECK_EVERY_MS) {
      this.#check = { atMs: nowMs, done: this.#writeAndRead() };
    }
    return this.#check.done;
  }

  close(): Promise<void> {
    return this.#spilled.close();
  }

  async #writeAndRead(): Promise<void> {
    await this.#putObject(CHECK_KEY, CHECK_BYTES, CHECK_BYTES.length);
    const request = { method: "GET", key: CHECK_KEY, bytes: CHECK_BYTES.length } as const;
    const stored = await this.#bucket.send(request, (response) => response.bytes());
    if (stored === undefined || !Buffer.from(stored).equals(CHECK_BYTES))
      throw toFailure(wrongAnswer("StoredOtherBytes"));
  }

  async #putObject(
    key: string,
    body: Blob | Uint8Array<ArrayBuffer>,
    bytes: number,
    mediaType = "application/gzip",
  ): Promise<void> {
    const headers = { "content-type": mediaType };
    const request = { method: "PUT", key, bytes, headers, body } as const;
    const done = await this.#bucket.send(request, async (response) => {
      await response.arrayBuffer();
      return true;
    });
    if (done === undefined) throw toFailure(wrongAnswer("NotFound"));
  }
}

function readInTime(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, READ_AFTER_MS).unref());
}

/** Returns the body of a response, or an empty one if there is none. */
function bodyOf(response: Response): AsyncIterable<Uint8Array> {
  return response.body ?? new Blob().stream();
}

/**
 * Throws unless the response has `bytes` bytes and, for a range, belongs to an object of `total`
 * bytes.
 */
function requireLength(response: Response, bytes: number, total: number | undefined): void {
  const range = response.headers.get("content-range");
  const isRange = total === undefined || (response.status === 206 && range?.endsWith(`/${total}`) === true);
  if (!isRange || response.headers.get("content-length") !== String(bytes)) throw wrongAnswer(WRONG_LENGTH);
}

function verifiedBytes(bytes: Uint8Array<ArrayBuffer>, blob: KnownBlob, range: ByteRange | undefined) {
  try {
    return verifiedPart(bytes, blob, range);
  } catch {
    throw wrongAnswer(WRONG_BYTES);
  }
}
