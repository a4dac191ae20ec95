/**
 * The slowest rate at which a request body may arrive. It may fall `graceMs` behind
 * `bytesPerSecond`.
 */
export interface MinDataRate {
  readonly graceMs: number;
  readonly bytesPerSecond: number;
}

/** A body may stall for half a minute, and may come over the slowest of modems. */
export const MIN_DATA_RATE: MinDataRate = { graceMs: 30_000, bytesPerSecond: 8 * 1024 };

/** The connection of a request, as far as handlers need it. */
export interface Connection {
  /**
   * Returns the address of the client. It is computed at each call, because most requests never
   * ask.
   */
  clientAddress(): string | null;
  readonly minDataRate: MinDataRate;
  /** Resolves when the answer was sent whole, or when the connection is gone. */
  ended(): Promise<void>;
  /** Allows the client to send nothing for this long from now on. */
  extendIdleTimeout(ms: number): void;
}

/** For requests that came over no connection, such as those of tests that call the app itself. */
export const NO_CONNECTION: Connection = {
  clientAddress: () => null,
  minDataRate: MIN_DATA_RATE,
  ended: () => new Promise(() => undefined),
  extendIdleTimeout: () => undefined,
};
