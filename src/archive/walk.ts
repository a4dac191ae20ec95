import type { ArchiveLimits } from "../domain/limits.ts";
import { Turns } from "../runtime/turns.ts";
import { UnreadableArchive } from "./archive-fault.ts";
import { gunzipSingleMember } from "./gzip.ts";
import { type TarVisitor, TarWalker } from "./tar.ts";

/**
 * How many bytes are walked over between two pauses. They must take much less time than a turn
 * (runtime/turns.ts).
 */
const STEP_BYTES = 16_384;
/** An archive that unpacks to at most this size is not inflated a second time. */
const SMALL_TAR_MAX_BYTES = 65_536;

/** The tar of a small archive as it was unpacked; undefined if the archive is not small. */
export type SmallTar = readonly Uint8Array[] | undefined;

/**
 * Unpacks an archive and shows its tar to a visitor, in bounded memory and in turns. Returns the
 * tar if it is small. Throws `UnreadableArchive` where the rest cannot be read with certainty.
 */
export async function walkArchive(
  chunks: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
  visitor: TarVisitor,
): Promise<SmallTar> {
  const pieces: Uint8Array[] = [];
  let unpackedBytes = 0;
  const compressed = withinLimit(chunks, limits.compressedMaxBytes);
  const walk = new Walk(visitor);
  for await (const piece of gunzipSingleMember(compressed, limits.unpackedMaxBytes)) {
    unpackedBytes += piece.length;
    if (unpackedBytes <= SMALL_TAR_MAX_BYTES) pieces.push(piece);
    await walk.over(piece);
  }
  walk.end();
  return unpackedBytes <= SMALL_TAR_MAX_BYTES ? pieces : undefined;
}

/** Shows an unpacked tar to a visitor, in turns. Throws `UnreadableArchive`. */
export async function walkTar(pieces: readonly Uint8Array[], visitor: TarVisitor): Promise<void> {
  const walk = new Walk(visitor);
  for (const piece of pieces) await walk.over(piece);
  walk.end();
}

class Walk {
  readonly #tar: TarWalker;
  readonly #turns = new Turns();

  constructor(visitor: TarVisitor) {
    this.#tar = new TarWalker(visitor);
  }

  async over(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; at += STEP_BYTES) {
      this.#tar.push(piece.subarray(at, at + STEP_BYTES));
      const pause = this.#turns.pause();
      if (pause !== undefined) await pause;
    }
  }

  end(): void {
    this.#tar.end();
  }
}

async function* withinLimit(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let receivedBytes = 0;
  for await (const chunk of chunks) {
    receivedBytes += chunk.length;
    if (receivedBytes > maxBytes) {
      const message = `the archive is larger than ${maxBytes} bytes: remove files from the package`;
      throw new UnreadableArchive("archive_too_large", message);
    }
    yield chunk;
  }
}
