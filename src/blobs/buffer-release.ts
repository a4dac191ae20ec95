/** Buffers of this size and below may be cut from one that others use too, as Node's `Buffer.allocUnsafe` does. */
const SHARED_MAX_BYTES = 16 * 1024;

/**
 * Gives the memory of chunks back when they were used, without waiting for the collector, which takes its time: a
 * hundred uploads of 20 MB at once leave it 300 MB (measured, Bun 1.4.5). Several chunks in a row may be parts of one
 * buffer that its maker still fills, so a buffer is given back when a chunk of another one comes.
 */
export class UsedBuffers {
  #last: ArrayBufferLike | undefined;

  /** Nobody may look at the chunk any more. */
  use({ buffer }: Uint8Array): void {
    if (buffer === this.#last) return;
    this.release();
    this.#last = buffer;
  }

  /** No more chunks come, and nobody fills the last one. */
  release(): void {
    if (this.#last instanceof ArrayBuffer && this.#last.byteLength > SHARED_MAX_BYTES) this.#last.transfer(0);
    this.#last = undefined;
  }
}
