import { failure } from "../errors.ts";

const RETRY_AFTER_SECONDS = 5;

/** How many bytes may be taken at once, and how many takers may wait for how long. */
export interface ByteBudgetLimits {
  readonly maxBytes: number;
  readonly waitingMax: number;
  readonly waitMaxMs: number;
}

interface Waiter {
  readonly bytes: number;
  readonly enter: () => void;
}

/** Limits the sum of the bytes that are taken at the same time. Takers wait in order of arrival. */
export class ByteBudget {
  #taken = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(readonly limits: ByteBudgetLimits) {}

  get takenBytes(): number {
    return this.#taken;
  }

  /**
   * Takes bytes as soon as they and those of all earlier takers fit. More than the whole budget
   * counts as the whole budget. Returns a function that gives them back once. Throws `busy` if too
   * many wait already, or after `waitMaxMs`.
   */
  async take(asked: number): Promise<() => void> {
    const bytes = Math.min(asked, this.limits.maxBytes);
    if (this.#waiting.size === 0 && this.#fits(bytes)) this.#taken += bytes;
    else await this.#wait(bytes);
    let isTaken = true;
    return () => {
      if (isTaken) this.#giveBack(bytes);
      isTaken = false;
    };
  }

  #fits(bytes: number): boolean {
    return this.#taken + bytes <= this.limits.maxBytes;
  }

  #giveBack(bytes: number): void {
    this.#taken -= bytes;
    this.#admit();
  }

  #admit(): void {
    for (const waiter of this.#waiting) {
      if (!this.#fits(waiter.bytes)) return;
      this.#taken += waiter.bytes;
      waiter.enter();
    }
  }

  #wait(bytes: number): Promise<void> {
    const busy = failure({ code: "busy", retryAfterSeconds: RETRY_AFTER_SECONDS });
    if (this.#waiting.size >= this.limits.waitingMax) return Promise.reject(busy);
    return new Promise<void>((resolve, reject) => {
      const leave = (end: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        end();
      };
      const waiter: Waiter = { bytes, enter: () => leave(resolve) };
      const timer = setTimeout(() => {
        leave(() => reject(busy));
        this.#admit();
      }, this.limits.waitMaxMs);
      this.#waiting.add(waiter);
    });
  }
}
