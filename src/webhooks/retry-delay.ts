const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** The pauses after each failure of one event. After the last attempt the webhook is disabled. */
const DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  24 * HOUR_MS,
];
/** How much of a pause is left to chance, so that many webhooks do not return at once. */
const JITTER = 0.2;

/**
 * Returns the pause after the given number of failures of one event, in milliseconds. Undefined if
 * there is no further attempt. `random` is from 0 to 1.
 */
export function retryDelayMs(failures: number, random: number): number | undefined {
  const delay = DELAYS_MS[failures - 1];
  return delay === undefined ? undefined : Math.round(delay * (1 - JITTER * random));
}
