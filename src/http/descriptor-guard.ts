import { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";
import { errorCode } from "../errors.ts";
import type { Logger } from "../runtime/logger.ts";

const CHECK_INTERVAL_MS = 200;
const LOG_INTERVAL_MS = 60_000;
/** Requests that are being answered open files. With fewer free descriptors, no others begin. */
const FREE_MIN = 12;
/** Held back, so that connections can still be accepted and told to come back. */
const RESERVED = 4;

/** Returns how many files this process may open, or undefined where the system does not tell. */
function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** Opens a descriptor. Returns undefined if there is none. */
function take(): number | undefined {
  try {
    return openSync(devNull, "r");
  } catch (cause) {
    if (errorCode(cause) === "EMFILE" || errorCode(cause) === "ENFILE") return undefined;
    throw cause;
  }
}

/**
 * Watches how many descriptors are left. Bun has no limit of connections: without descriptors it
 * tries to accept again and again, which takes a whole core, and no file can be opened. When few
 * are left, the guard closes idle connections. If that is not enough, `isShort` is true, and the
 * server refuses requests at once and closes their connections.
 */
export class DescriptorGuard {
  isShort = false;
  readonly #limit = descriptorLimit();
  #reserve: number[] = [];
  #loggedMs = Number.NEGATIVE_INFINITY;
  readonly #timer = setInterval(() => this.#check(), CHECK_INTERVAL_MS);

  constructor(
    readonly closeIdleConnections: () => number,
    readonly logger: Logger,
  ) {
    this.#timer.unref();
    this.#check();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#release();
  }

  #release(): void {
    for (const descriptor of this.#reserve) closeSync(descriptor);
    this.#reserve = [];
  }

  /** The system gives the lowest free number, so a high one means that few are left. */
  #isLow(): boolean {
    const lowest = take();
    if (lowest === undefined) return true;
    closeSync(lowest);
    return this.#limit !== undefined && this.#limit - lowest < FREE_MIN;
  }

  #check(): void {
    if (this.#isLow()) {
      const closed = this.closeIdleConnections();
      this.isShort = this.#isLow();
      // The reserve lets waiting connections in. Each is refused, and gives its descriptor back.
      if (this.isShort) this.#release();
      this.#log(closed);
      return;
    }
    this.isShort = false;
    while (this.#reserve.length < RESERVED) {
      const descriptor = take();
      if (descriptor === undefined) return;
      this.#reserve.push(descriptor);
    }
  }

  #log(closed: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#loggedMs < LOG_INTERVAL_MS) return;
    this.#loggedMs = nowMs;
    this.logger.warn("descriptors_exhausted", { limit: this.#limit, closed, refuses: this.isShort });
  }
}
