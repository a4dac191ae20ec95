import { errorCode, Failure } from "../errors.ts";

const RETRY_MAX_MS = 30_000;
const PAUSE_MS = 500;

/**
 * Repeats `work`, which must be safe to repeat, until the database answers: maintenance yields to a
 * server that writes. Throws `database_unavailable` if the database still does not answer after
 * half a minute.
 */
export async function retryUntilAvailable<T>(work: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + RETRY_MAX_MS;
  for (;;) {
    try {
      return await work();
    } catch (cause) {
      const isAway = cause instanceof Failure && cause.error.code === "database_unavailable";
      if (!isAway || performance.now() > deadlineMs) throw cause;
      await Bun.sleep(PAUSE_MS);
    }
  }
}

/**
 * Returns the code of what a storage or a file system refused, for an operator. Rethrows any other
 * error.
 */
export function refusalCode(cause: unknown): string {
  const code = errorCode(cause);
  if (cause instanceof Failure) return code === undefined ? cause.error.code : `${cause.error.code} (${code})`;
  if (code === undefined) throw cause;
  return code;
}
