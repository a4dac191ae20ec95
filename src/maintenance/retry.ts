import { errorCode, Failure } from "../errors.ts";

const PATIENCE_MS = 30_000;
const PAUSE_MS = 500;

/**
 * Does a piece of work that is safe to repeat until the database answers: a server that writes goes first. Throws
 * `database_unavailable` when it still does not after half a minute.
 */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + PATIENCE_MS;
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

/** Names what a storage or a file system refused, for an operator; throws on what is no such thing. */
export function refusalOf(cause: unknown): string {
  const code = errorCode(cause);
  if (cause instanceof Failure) return code === undefined ? cause.error.code : `${cause.error.code} (${code})`;
  if (code === undefined) throw cause;
  return code;
}
