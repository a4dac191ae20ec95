import { errorCode, Failure, failure } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";

/** Short, because a database is mostly away for the time of a restart. */
export const RETRY_AFTER_SECONDS = 1;

/** Makes the failure of a database that does not answer. The log records the code of `cause`. */
export function unavailable(cause?: unknown): Failure {
  return failure({ code: "database_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS }, cause);
}

/**
 * Converts an error of a driver to the failure that it means, by its code alone: messages of
 * drivers contain parameters. Returns every other cause unchanged.
 */
export function databaseFailure(cause: unknown): unknown {
  if (cause instanceof Failure) return cause;
  const kind = faultCode(errorCode(cause))?.kind;
  if (kind === undefined) return cause;
  if (kind === "full") return failure({ code: "storage_full" }, cause);
  if (kind === "damaged") return failure({ code: "database_corrupt" }, cause);
  return unavailable(cause);
}
