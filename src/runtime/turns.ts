const TURN_MAX_MS = 5;

/**
 * Splits long work into turns, so that one request does not hold the event loop while others wait.
 * Call `pause` often between short steps. It waits for a macrotask once the turn has lasted
 * `TURN_MAX_MS`, because promises alone never let timers and sockets run.
 */
export class Turns {
  #startedMs = performance.now();

  /** Lets other requests run if this turn was long enough. Returns undefined if it was not. */
  pause(): Promise<void> | undefined {
    if (performance.now() - this.#startedMs < TURN_MAX_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#startedMs = performance.now();
        resolve();
      });
    });
  }
}
