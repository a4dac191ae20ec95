import { clientNetwork } from "../http/client-address.ts";

const HOUR_MS = 60 * 60 * 1_000;
/** Numbers in a set take about 30 bytes each. */
const REMEMBERED_MAX = 200_000;
/** Integers up to 53 bits are exact in a number. */
const HASH_BITS = 53;

/**
 * Remembers which client network downloaded which version in the current hour, so that repeated
 * downloads count once. It holds hashes with a random seed, no addresses. When it is full it
 * forgets the oldest; then a download may count again.
 */
export class CountedDownloads {
  readonly #seed = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
  readonly #seen = new Set<number>();
  #hour = 0;

  constructor(
    readonly clock: () => Date,
    readonly max = REMEMBERED_MAX,
  ) {}

  /**
   * Remembers a download. Returns false if the network downloaded the version in this hour before.
   */
  add(versionId: number, address: string | null): boolean {
    const hour = Math.floor(this.clock().getTime() / HOUR_MS);
    if (hour !== this.#hour) this.#seen.clear();
    this.#hour = hour;
    const key = this.#keyOf(versionId, address);
    if (this.#seen.has(key)) return false;
    const [oldest] = this.#seen.size >= this.max ? this.#seen : [];
    if (oldest !== undefined) this.#seen.delete(oldest);
    this.#seen.add(key);
    return true;
  }

  /** Forgets a download that did not complete, so that the next one counts. */
  forget(versionId: number, address: string | null): void {
    this.#seen.delete(this.#keyOf(versionId, address));
  }

  #keyOf(versionId: number, address: string | null): number {
    const text = `${versionId} ${address === null ? "" : clientNetwork(address)}`;
    return Number(BigInt.asUintN(HASH_BITS, Bun.hash.wyhash(text, this.#seed)));
  }
}
