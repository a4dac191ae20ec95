/**
 * Numbers that look random and are the same for the same seed, so that a failure can be repeated.
 */
export class Chance {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 up to, not including, 1: mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** Returns one of `choices`, or undefined if there are none. */
  pick<T>(choices: readonly T[]): T | undefined {
    return choices[this.between(0, choices.length - 1)];
  }

  /** Bytes that do not compress. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.between(0, 255));
  }
}

/** Whether the long forms run: `npm run test:faults`. */
export const LONG = process.env.TEST_LONG === "1";

/**
 * Seeds of a test: `count` in a row, beginning with FAULT_SEED if it is set, to repeat a failure.
 */
export function seeds(count: number): number[] {
  const given = process.env.FAULT_SEED;
  return given === undefined ? Array.from({ length: count }, (_, n) => n + 1) : [Number(given)];
}
