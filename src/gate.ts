import { failure } from "./errors.ts";

const RETRY_AFTER_SECONDS = 2;

/** Lets at most `atOnce` pieces of work run and at most `waitingMax` wait, in the order they came. */
export class Gate {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(
    atOnce: number,
    readonly waitingMax: number,
    /** How long one may wait; Node's timers know no longer time. */
    readonly waitMaxMs = 2 ** 31 - 1,
  ) {
    this.#free = atOnce;
  }

  /** Runs `work` when there is room. Throws `busy`: at once when too many wait already, or after waiting too long. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn();
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #turn(): Promise<void> {
    const busy = failure({ code: "busy", retryAfterSeconds: RETRY_AFTER_SECONDS });
    if (this.#waiting.size >= this.waitingMax) return Promise.reject(busy);
    return new Promise<void>((resolve, reject) => {
      const leave = (end: () => void) => () => {
        clearTimeout(timer);
        this.#waiting.delete(enter);
        end();
      };
      const enter = leave(resolve);
      const timer = setTimeout(
        leave(() => reject(busy)),
        this.waitMaxMs,
      );
      this.#waiting.add(enter);
    });
  }
}
