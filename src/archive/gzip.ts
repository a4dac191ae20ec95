import { crc32, createInflateRaw, type InflateRaw, inflateRawSync } from "node:zlib";
import { DEFAULT_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { errorCode } from "../errors.ts";
import { UnreadableArchive } from "./archive-fault.ts";
import { ChunkSource } from "./chunk-source.ts";
import { fileFormat } from "./file-format.ts";
import { readGzipHeader } from "./gzip-header.ts";

/** What unpacks to at most this size is inflated at once. */
const WHOLE_MAX_BYTES = 65_536;
/**
 * The largest yielded chunk. Smaller ones cost a large archive more turns between threads. A
 * decompression bomb is noticed at most this many bytes after the limit.
 */
const OUTPUT_CHUNK_BYTES = 262_144;
const TRAILER_BYTES = 8;

/**
 * Decompresses exactly one gzip member (RFC 1952). Some readers ignore bytes after the member,
 * others decompress them too: two readers would see two archives under one signature. So nothing
 * may follow, and CRC-32 and size must be right.
 *
 * It yields while it reads, so the yielded bytes are confirmed only when the iteration ends without
 * an error. It holds a few chunks at a time and reads no further than it is asked to. Throws
 * `UnreadableArchive` with a gzip fault; errors of the source are thrown unchanged.
 */
export async function* gunzipSingleMember(
  chunks: AsyncIterable<Uint8Array>,
  unpackedMaxBytes: number = DEFAULT_ARCHIVE_LIMITS.unpackedMaxBytes,
): AsyncGenerator<Uint8Array, void, void> {
  const source = new ChunkSource(chunks);
  try {
    await readGzipHeader(source);
    let checksum = 0;
    let lengthBytes = 0;
    for await (const chunk of inflateMember(source)) {
      lengthBytes += chunk.length;
      if (lengthBytes > unpackedMaxBytes) throw tooLarge(unpackedMaxBytes);
      checksum = crc32(chunk, checksum);
      yield chunk;
    }
    await checkTrailer(source, checksum, lengthBytes);
  } finally {
    await source.close();
  }
}

/** The bytes of a small stream that was decompressed at once, and how much input it used. */
interface Inflated {
  readonly bytes: Uint8Array;
  readonly consumed: number;
}

/** Reads what `inflateRawSync` returns with `info: true`, which its types do not describe. */
function inflatedOf(result: unknown): Inflated | undefined {
  if (typeof result !== "object" || result === null || !("buffer" in result) || !("engine" in result)) return undefined;
  const { buffer, engine } = result;
  if (typeof engine !== "object" || engine === null || !("bytesWritten" in engine)) return undefined;
  if (!(buffer instanceof Uint8Array) || typeof engine.bytesWritten !== "number") return undefined;
  return { bytes: buffer, consumed: engine.bytesWritten };
}

/**
 * Decompresses a chunk at once. Returns undefined if the stream is incomplete, large or invalid.
 */
function inflateWhole(chunk: Uint8Array): Inflated | undefined {
  if (chunk.length > WHOLE_MAX_BYTES) return undefined;
  try {
    return inflatedOf(inflateRawSync(chunk, { maxOutputLength: WHOLE_MAX_BYTES, info: true }));
  } catch {
    // The streaming inflater will report what is wrong.
    return undefined;
  }
}

/**
 * Inflates up to the end of the deflate stream and puts the bytes after it back into the source.
 * Small input is inflated at once, because a stream costs several times as much.
 */
async function* inflateMember(source: ChunkSource): AsyncGenerator<Uint8Array, void, void> {
  const chunk = await source.read();
  const whole = chunk && inflateWhole(chunk);
  if (chunk !== undefined) source.putBack(whole === undefined ? chunk : chunk.subarray(whole.consumed));
  if (whole === undefined) yield* inflateStream(source);
  else if (whole.bytes.length > 0) yield whole.bytes;
}

async function* inflateStream(source: ChunkSource): AsyncGenerator<Uint8Array, void, void> {
  const inflate = createInflateRaw({ chunkSize: OUTPUT_CHUNK_BYTES });
  const feeder = new Feeder(source, inflate);
  const fed = feeder.run();
  try {
    for await (const chunk of inflate) yield chunk as Uint8Array;
  } catch (error) {
    throw feeder.sourceError ?? inflateFault(error);
  } finally {
    inflate.destroy();
  }
  await fed;
  source.putBack(feeder.unconsumedBytes());
}

/**
 * Writes the source into the inflater, one chunk at a time. The stream has ended inside a chunk if
 * zlib consumed fewer bytes than were written. `bytesWritten` counts consumed bytes only.
 */
class Feeder {
  sourceError: unknown;
  readonly #source: ChunkSource;
  readonly #inflate: InflateRaw;
  #last: Uint8Array = new Uint8Array(0);
  #writtenBytes = 0;
  #ended = false;

  constructor(source: ChunkSource, inflate: InflateRaw) {
    this.#source = source;
    this.#inflate = inflate;
    inflate.once("end", () => this.#end());
    inflate.once("close", () => this.#end());
  }

  /**
   * Never rejects. An error of the source destroys the inflater, whose reader then finds
   * `sourceError`.
   */
  async run(): Promise<void> {
    try {
      while (!this.#ended) {
        const chunk = await this.#source.read();
        if (chunk === undefined) break;
        await this.#write(chunk);
      }
      if (!this.#inflate.destroyed) this.#inflate.end();
    } catch (error) {
      this.sourceError = error;
      this.#inflate.destroy(error instanceof Error ? error : new Error("the archive could not be read"));
    }
  }

  /** Returns the bytes of the last chunk that follow the deflate stream. */
  unconsumedBytes(): Uint8Array {
    return this.#last.subarray(this.#last.length - (this.#writtenBytes - this.#inflate.bytesWritten));
  }

  #write(chunk: Uint8Array): Promise<void> {
    this.#last = chunk;
    this.#writtenBytes += chunk.length;
    return new Promise((resolve) => {
      this.#inflate.write(chunk, () => {
        if (this.#inflate.bytesWritten < this.#writtenBytes) this.#ended = true;
        resolve();
      });
    });
  }

  #end(): void {
    this.#ended = true;
  }
}

async function checkTrailer(source: ChunkSource, checksum: number, lengthBytes: number): Promise<void> {
  const trailer = new Uint8Array(TRAILER_BYTES);
  let filled = 0;
  while (filled < TRAILER_BYTES) {
    const chunk = await source.read();
    if (chunk === undefined) throw truncated();
    const part = chunk.subarray(0, TRAILER_BYTES - filled);
    trailer.set(part, filled);
    filled += part.length;
    source.putBack(chunk.subarray(part.length));
  }
  const fields = new DataView(trailer.buffer);
  if (fields.getUint32(0, true) !== checksum) throw corrupt("its checksum does not match its content");
  // ISIZE is the length modulo 2^32 (RFC 1952 §2.3.1).
  if (fields.getUint32(4, true) !== lengthBytes % 2 ** 32) throw corrupt("its size field does not match its content");
  const rest = await source.read();
  if (rest !== undefined) throw trailingData(rest);
}

/** Readers disagree about what follows a member: some join a second one, others ignore it. */
function trailingData(rest: Uint8Array): UnreadableArchive {
  const isMember = fileFormat(rest) === "gzip";
  const message = isMember
    ? "a second gzip member follows the first: compress once, without cat, bgzip or pigz --independent"
    : "bytes follow the end of the gzip member: upload one archive, packed in one go";
  return new UnreadableArchive("gzip_trailing_data", message);
}

function inflateFault(error: unknown): unknown {
  const code = errorCode(error);
  if (code === "Z_BUF_ERROR") return truncated();
  if (code === "Z_DATA_ERROR" || code === "Z_NEED_DICT") return corrupt("its deflate stream is invalid");
  return error;
}

function truncated(): UnreadableArchive {
  return new UnreadableArchive("gzip_truncated", "the archive ends too early: upload it again, complete");
}

function corrupt(what: string): UnreadableArchive {
  return new UnreadableArchive("gzip_corrupt", `the archive is damaged, ${what}: pack and upload it again`);
}

function tooLarge(unpackedMaxBytes: number): UnreadableArchive {
  return new UnreadableArchive(
    "unpacked_too_large",
    `the archive unpacks to more than ${unpackedMaxBytes} bytes: remove files from the package`,
  );
}
