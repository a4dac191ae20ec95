/** The progress of a maintenance command. `total` is set if it is known beforehand. */
export interface Progress {
  readonly done: number;
  readonly total?: number;
  readonly bytes: number;
}

/** Receives progress often. The receiver decides how often it shows any. */
export type Report = (progress: Progress) => void;

/** A number of things and the sum of their sizes. */
export interface Amount {
  count: number;
  bytes: number;
}

/** Returns an empty amount. */
export function nothing(): Amount {
  return { count: 0, bytes: 0 };
}

/** Adds one thing of this size. */
export function add(amount: Amount, bytes: number): void {
  amount.count += 1;
  amount.bytes += bytes;
}

/**
 * Counts all items but keeps only the first `itemsMax`, so that a report of any length fits in
 * memory.
 */
export class BoundedList<T> {
  readonly items: T[] = [];
  count = 0;

  constructor(readonly itemsMax: number) {}

  add(item: T): void {
    this.count += 1;
    if (this.items.length < this.itemsMax) this.items.push(item);
  }
}
