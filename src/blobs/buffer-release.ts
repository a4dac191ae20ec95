/**
 * A buffer up to this size may be part of a shared pool, as with Node's `Buffer.allocUnsafe`. It is
 * never released.
 */
const SHARED_MAX_BYTES = 16 * 1024;

/**
 * Releases the memory of used chunks at once. Bun's garbage collector frees them late, so that many
 * concurrent uploads would hold hundreds of megabytes.
 *
 * Several chunks in a row may be parts of one buffer that its producer still fills. So a buffer is
 * released when a chunk of another buffer comes.
 */
export class UsedBuffers {
  #last: ArrayBufferLike | undefined;

  /** Takes a chunk that nobody reads any more. */
  use({ buffer }: Uint8Array): void {
    if (buffer === this.#last) return;
    this.release();
    this.#last = buffer;
  }

  /** Releases the last buffer. Call it when no more chunks come and nobody fills that buffer. */
  release(): void {
    if (this.#last instanceof ArrayBuffer && this.#last.byteLength > SHARED_MAX_BYTES) this.#last.transfer(0);
    this.#last = undefined;
  }
}
