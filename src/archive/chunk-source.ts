/**
 * Reads a stream one chunk at a time and takes unread bytes back. So the gzip header, the deflate
 * stream and the trailer can share it, even if one ends inside a chunk.
 */
export class ChunkSource {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #unread: Uint8Array | undefined;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]();
  }

  /** Returns the next chunk, never an empty one; `undefined` at the end. */
  async read(): Promise<Uint8Array | undefined> {
    const unread = this.#unread;
    this.#unread = undefined;
    if (unread !== undefined) return unread;
    for (;;) {
      const next = await this.#iterator.next();
      if (next.done === true) return undefined;
      if (next.value.length > 0) return next.value;
    }
  }

  /**
   * Puts bytes back before the rest of the stream. They must be bytes that the last `read`
   * returned. A second call would overwrite the first.
   */
  putBack(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#unread = bytes;
  }

  /** Signals the producer that nothing more will be read. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
