import { ConfigError, type DatabaseConfig } from "../config/config.ts";
import { errorCode } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { permissionAdvice } from "./permission-advice.ts";

/** What the codes of S3 and of `fetch` mean to an operator who starts a registry. */
const REASONS: Readonly<Record<string, string>> = {
  AccessDenied: "this key may not read and write there",
  ConnectionRefused: "nothing listens there",
  FailedToOpenSocket: "no host has this name",
  ExpiredToken: "the credentials have ended",
  InvalidAccessKeyId: "this access key does not exist",
  InvalidToken: "the session token is wrong or missing",
  NoCredentials: "no credentials can be had",
  NoSuchBucket: "the bucket does not exist",
  RequestTimeTooSkewed: "the clock of this machine is wrong",
  SignatureDoesNotMatch: "the secret key is wrong, or the region is not the bucket's",
  StoredOtherBytes: "it returns other bytes than it was given",
  Timeout: "it did not answer in time",
};

/**
 * Does one step of the start. A system error becomes a problem of the setting that can fix it.
 * `what` continues the name of the setting. A full disk is no wrong setting, and becomes an
 * `OperatorError`.
 */
export async function startStep<T>(setting: string, what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = errorCode(cause);
    if (code === undefined) throw cause;
    const fault = faultCode(code);
    const reason = permissionAdvice(cause) ?? fault?.reason ?? REASONS[code] ?? "the system reports";
    const message = `${what}: ${reason} (${code})`;
    if (fault?.kind === "full") throw new OperatorError(`${message}. Free some space, then try again.`);
    throw new ConfigError([{ setting, message }]);
  }
}

/** Does a step that uses the database, as `startStep` does. */
export function databaseStep<T>(database: DatabaseConfig, work: () => Promise<T>): Promise<T> {
  if (database.kind === "sqlite") return startStep("DATA_DIR", `${database.path} cannot be used`, work);
  return startStep("DATABASE_URL", `Postgres on ${database.connection.host} cannot be used`, work);
}
