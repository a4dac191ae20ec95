import { failure } from "../errors.ts";

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

const LARGE_BYTES = 1_048_576;

/** How many pieces of work go at once, by the size of what they are about. */
export interface LaneLimits {
  readonly largeAtOnce: number;
  readonly smallAtOnce: number;
  readonly waitingMax: number;
  readonly waitMaxMs?: number;
}

/** Two gates: what is about more than a mebibyte holds up its like only. */
export class Lanes {
  readonly #large: Gate;
  readonly #small: Gate;

  constructor({ largeAtOnce, smallAtOnce, waitingMax, waitMaxMs }: LaneLimits) {
    this.#large = new Gate(largeAtOnce, waitingMax, waitMaxMs);
    this.#small = new Gate(smallAtOnce, waitingMax, waitMaxMs);
  }

  run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    return (bytes > LARGE_BYTES ? this.#large : this.#small).run(work);
  }
}

/** A gate for each key: work about one key takes turns. Keys that nobody works on take no room. */
export class KeyedGate {
  readonly #gates = new Map<string, { readonly gate: Gate; users: number }>();

  constructor(readonly waitingMax: number) {}

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const held = this.#gates.get(key) ?? { gate: new Gate(1, this.waitingMax), users: 0 };
    this.#gates.set(key, held);
    held.users += 1;
    try {
      return await held.gate.run(work);
    } finally {
      held.users -= 1;
      if (held.users === 0) this.#gates.delete(key);
    }
  }
}
