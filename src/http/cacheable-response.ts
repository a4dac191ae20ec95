/**
 * A response shares the bytes of a Blob and copies those of an array, so bodies in memory are
 * Blobs.
 */
export type CacheableBody = Uint8Array<ArrayBuffer> | Blob;

/** Describes a response that may be sent to every client that sends the same request. */
export interface CacheableResponse {
  /**
   * The path under which the response is cached, without the prefix of `PUBLIC_URL`. It names a
   * package, something below a package, or a part of the log.
   */
  readonly path: string;
  /** An array of bytes may be written to the spill file. A Blob is cached only in memory. */
  readonly body: CacheableBody;
  /** `ResponseCache.generation` from before any part of the response was read. */
  readonly generation: number;
  /** How long the response may be sent without asking the app. Default: until it is invalidated. */
  readonly ttlMs?: number;
  /** Called with the client's address each time the whole body is sent from the cache. */
  readonly onSend?: (address: string | null) => void;
}
