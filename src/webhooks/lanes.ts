import type { WebhookRow } from "./webhook-view.ts";

/** How many webhooks one process serves at once: in all, of one account, and slow ones. */
const ALL_MAX = 8;
const OF_ACCOUNT_MAX = 2;
const SLOW_MAX = 4;
/** A receiver that took longer for an answer is slow. */
const SLOW_MS = 2_000;
/** How long it counts as slow after that. */
const SLOW_FOR_MS = 60 * 60_000;

/** A webhook that has events to send, and its account. */
export type DueWebhook = Pick<WebhookRow, "id" | "userId">;

/** Reports whether an attempt took so long that the next webhook should have its turn. */
export function isSlow(durationMs: number): boolean {
  return durationMs > SLOW_MS;
}

/**
 * Decides which webhooks a process serves at the same time. One account does not hold up the others,
 * and neither do many accounts whose receivers take their time: half of the turns are for receivers
 * that answer soon. Times are milliseconds of one clock.
 */
export class Lanes {
  readonly #running = new Map<string, Pick<DueWebhook, "userId"> & { readonly wasSlow: boolean }>();
  readonly #slowUntilMs = new Map<string, number>();

  /** Takes a lane. Returns false if there is none for this webhook, or it has one. */
  enter({ id, userId }: DueWebhook, nowMs: number): boolean {
    const wasSlow = (this.#slowUntilMs.get(id) ?? 0) > nowMs;
    if (!wasSlow) this.#slowUntilMs.delete(id);
    const running = [...this.#running.values()];
    const isFull =
      running.length >= ALL_MAX ||
      running.filter((other) => other.userId === userId).length >= OF_ACCOUNT_MAX ||
      (wasSlow && running.filter((other) => other.wasSlow).length >= SLOW_MAX);
    if (isFull || this.#running.has(id)) return false;
    this.#running.set(id, { userId, wasSlow });
    return true;
  }

  /** Gives the lane of a webhook back, whose last attempt took `lastMs`. */
  leave(id: string, lastMs: number, nowMs: number): void {
    this.#running.delete(id);
    if (isSlow(lastMs)) this.#slowUntilMs.set(id, nowMs + SLOW_FOR_MS);
  }
}
