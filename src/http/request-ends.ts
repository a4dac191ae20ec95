const POLL_MS = 100;

/**
 * Waits for the ends of requests. Bun 1.4.5 has no event for them: the signal of a request tells
 * only that some clients went away. So this asks, while anybody waits.
 */
export class RequestEnds {
  readonly #waiting = new Map<() => boolean, () => void>();
  #timer: Timer | undefined;

  /** Resolves once `isOpen` returns false. */
  wait(isOpen: () => boolean): Promise<void> {
    if (!isOpen()) return Promise.resolve();
    this.#timer ??= setInterval(() => this.#poll(), POLL_MS).unref();
    return new Promise((resolve) => this.#waiting.set(isOpen, resolve));
  }

  #poll(): void {
    for (const [isOpen, resolve] of this.#waiting) {
      if (isOpen()) continue;
      this.#waiting.delete(isOpen);
      resolve();
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
