import { failure } from "./errors.ts";

const RETRY_AFTER_SECONDS = 2;

/** Lets at most `atOnce` pieces of work run and at most `waitingMax` wait, in the order they came. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(
    atOnce: number,
    readonly waitingMax: number,
  ) {
    this.#free = atOnce;
  }

  /** Runs `work` when there is room. Throws `busy` at once when too many are waiting already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else if (this.#waiting.length >= this.waitingMax) {
      throw failure({ code: "busy", retryAfterSeconds: RETRY_AFTER_SECONDS });
    } else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
