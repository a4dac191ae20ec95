import { failure } from "../errors.ts";

const RETRY_AFTER_SECONDS = 2;

/** The names of the queues whose length an operator sees in the metrics. */
export const QUEUE_NAMES = [
  "downloads_large",
  "downloads_small",
  "hashing",
  "inspection_large",
  "inspection_small",
  "login",
  "passwords",
  "registration",
  "unpacking_large",
  "unpacking_small",
  "uploads_large",
  "uploads_small",
] as const;

/** The name of one queue. Semaphores of one name count as one queue. */
export type QueueName = (typeof QUEUE_NAMES)[number];

/** How many tasks wait in the queues of this process. */
const waitingByName = new Map<QueueName, number>(QUEUE_NAMES.map((name) => [name, 0]));

/** Returns how many tasks wait now in the queues of a name, in this process. */
export function waitingIn(name: QueueName): number {
  return waitingByName.get(name) ?? 0;
}

function addWaiting(name: QueueName | undefined, more: 1 | -1): void {
  if (name !== undefined) waitingByName.set(name, waitingIn(name) + more);
}

/**
 * Limits how many tasks run at the same time and how many wait. Waiting tasks start in order of
 * arrival.
 */
export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(
    concurrency: number,
    readonly waitingMax: number,
    /** How long a task may wait. The default is the longest delay that Node's timers accept. */
    readonly waitMaxMs = 2 ** 31 - 1,
    readonly name?: QueueName,
  ) {
    this.#free = concurrency;
  }

  /** How many tasks wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs `work` as soon as a permit is free. Throws `busy` immediately when `waitingMax` tasks wait
   * already, or once this task has waited for `waitMaxMs`.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#acquire();
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #acquire(): Promise<void> {
    const busy = failure({ code: "busy", retryAfterSeconds: RETRY_AFTER_SECONDS });
    if (this.#waiting.size >= this.waitingMax) return Promise.reject(busy);
    return new Promise<void>((resolve, reject) => {
      const leave = (end: () => void) => () => {
        clearTimeout(timer);
        if (this.#waiting.delete(enter)) addWaiting(this.name, -1);
        end();
      };
      const enter = leave(resolve);
      const timer = setTimeout(
        leave(() => reject(busy)),
        this.waitMaxMs,
      );
      this.#waiting.add(enter);
      addWaiting(this.name, 1);
    });
  }
}

const LARGE_BYTES = 1_048_576;

/** The concurrency of each size class, and how many tasks of a class may wait and for how long. */
export interface SizeClassLimits {
  readonly largeConcurrency: number;
  readonly smallConcurrency: number;
  readonly waitingMax: number;
  readonly waitMaxMs?: number;
  /** The queue in the metrics. Each class has its own. */
  readonly name?: "downloads" | "inspection" | "unpacking" | "uploads";
}

/**
 * One semaphore for items above one mebibyte and one for all others, so that large items delay only
 * large items.
 */
export class SizeClassSemaphores {
  readonly #large: Semaphore;
  readonly #small: Semaphore;

  constructor({ largeConcurrency, smallConcurrency, waitingMax, waitMaxMs, name }: SizeClassLimits) {
    const queue = <Size extends "large" | "small">(size: Size) =>
      name === undefined ? undefined : (`${name}_${size}` as const);
    this.#large = new Semaphore(largeConcurrency, waitingMax, waitMaxMs, queue("large"));
    this.#small = new Semaphore(smallConcurrency, waitingMax, waitMaxMs, queue("small"));
  }

  /**
   * Runs `work` on an item of `bytes` bytes under the semaphore of its size class. Throws `busy` as
   * `Semaphore.run` does.
   */
  run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    return (bytes > LARGE_BYTES ? this.#large : this.#small).run(work);
  }
}

/** Runs tasks with the same key one after the other. A key without tasks takes no memory. */
export class KeyedMutex {
  readonly #mutexes = new Map<string, { readonly mutex: Semaphore; users: number }>();

  constructor(
    readonly waitingMax: number,
    readonly name?: QueueName,
  ) {}

  /**
   * Runs `work` once every earlier task of `key` has ended. Throws `busy` when `waitingMax` tasks
   * of the key wait already.
   */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#mutexes.get(key) ?? {
      mutex: new Semaphore(1, this.waitingMax, undefined, this.name),
      users: 0,
    };
    this.#mutexes.set(key, entry);
    entry.users += 1;
    try {
      return await entry.mutex.run(work);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.#mutexes.delete(key);
    }
  }
}
