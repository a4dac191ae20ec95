/** Much longer than anything takes on a busy machine. Only what never happens waits this long. */
const TIMEOUT_MS = 30_000;
const POLL_MS = 10;

/**
 * Waits until `holds` returns true. Throws an error with `what` if that takes longer than
 * `timeoutMs`.
 */
export async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await Bun.sleep(POLL_MS);
  }
}
