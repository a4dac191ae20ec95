/** How far a piece of housekeeping is. `total` is there where it is known beforehand. */
export interface Progress {
  readonly done: number;
  readonly total?: number;
  readonly bytes: number;
}

/** Told of progress, often; it decides itself how often it shows any. */
export type Report = (progress: Progress) => void;

/** Some things and how many bytes they are. */
export interface Amount {
  count: number;
  bytes: number;
}

/** Nothing yet. */
export function nothing(): Amount {
  return { count: 0, bytes: 0 };
}

/** Counts one more. */
export function add(amount: Amount, bytes: number): void {
  amount.count += 1;
  amount.bytes += bytes;
}

/** Counts every item but keeps only the first `itemsMax`, so that a report of any length fits in memory. */
export class BoundedList<T> {
  readonly items: T[] = [];
  count = 0;

  constructor(readonly itemsMax: number) {}

  add(item: T): void {
    this.count += 1;
    if (this.items.length < this.itemsMax) this.items.push(item);
  }
}
