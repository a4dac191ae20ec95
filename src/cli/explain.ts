import { ConfigError } from "../config/config.ts";
import { KeyFileError } from "../config/key-file.ts";
import { MigrationError } from "../db/migrate.ts";
import { errorCode, Failure, type RegistryError } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { printError } from "../runtime/print.ts";
import { DataOwnerError } from "../start/data-owner.ts";
import { permissionAdvice } from "../start/permission-advice.ts";

/** Expected failures that end a command, in words for an operator, with the next step. */
const DETAILS: { readonly [C in RegistryError["code"]]?: string } = {
  database_unavailable:
    "the database does not answer, accepts no changes, or another process holds its lock. Try again.",
  database_corrupt: "the database is damaged. Run cpm-registry fsck, and restore the newest backup.",
  busy: "too many operations are running. Try again.",
  storage_full: "the disk or the database is full. Free some space, then try again.",
  storage_busy: "the storage asks for fewer requests. Try again later.",
  storage_failed: "the storage refused the request or failed. Check the STORAGE_* settings and the storage itself.",
  log_key_missing: "the key of the log is missing, or is another one. Put log.key or LOG_SIGNING_KEY back.",
  log_rollback:
    "the database is behind what its log has published. Run cpm-registry log recover --dry-run, which says what it lacks.",
  read_only: "the registry is read-only. Run cpm-registry admin read-only off first.",
  storage_timeout: "the storage did not answer in time. Try again.",
};

const FORGOTTEN = "was forgotten: nothing brings the account back, and its name stays taken, because the log has it.";

/** Describes an expected failure for an operator. */
function messageOf(error: RegistryError): string {
  switch (error.code) {
    case "user_not_found":
      if (error.isForgotten === true) return `${error.username} ${FORGOTTEN}`;
      return `there is no account ${error.username}`;
    case "username_taken":
      return "this user name is already taken";
    case "username_too_similar":
      return `this user name is easily mistaken for ${error.other}, which is taken; choose another`;
    case "username_reserved":
      return "this user name is reserved, or is easily mistaken for a reserved one; choose another";
    case "email_taken":
      return "this e-mail address is already taken; choose another with --email";
    case "package_not_found":
      return `there is no package ${error.name}`;
    case "version_not_found":
      return `${error.name} has no version ${error.version}${error.hint === undefined ? "" : `: ${error.hint}`}`;
    case "validation_failed":
      return error.faults.map(({ path, message }) => `${path.slice(1)} ${message}`).join("; ");
    default:
      return DETAILS[error.code] ?? error.code;
  }
}

/**
 * The error that a driver or the system threw. Errors that wrap it may repeat the parameters of a
 * query.
 */
function innermost(cause: Error): Error {
  let inner = cause;
  while (inner.cause instanceof Error) inner = inner.cause;
  return inner;
}

/** Errors whose messages are written for an operator. */
const FOR_OPERATORS = [MigrationError, KeyFileError, DataOwnerError, OperatorError];

const messageIn = (cause: unknown) => (cause instanceof Error ? cause.message : undefined);

function detailOf(cause: unknown): string | undefined {
  if (FOR_OPERATORS.some((type) => cause instanceof type)) return messageIn(cause);
  const code = errorCode(cause);
  const advice = permissionAdvice(cause);
  if (advice !== undefined) return `${advice} (${code})`;
  if (cause instanceof Failure) return `${messageOf(cause.error)}${code === undefined ? "" : ` (${code})`}`;
  // The operator can fix what the system refuses, such as a taken port. Anything else is a bug of
  // the registry.
  if (!(cause instanceof Error) || code === undefined) return undefined;
  const { message } = innermost(cause);
  if (faultCode(code)?.kind === "full") return `${message}. Free some space, then try again.`;
  return code === "EADDRINUSE" ? `${message} Stop the process that uses it, or set PORT.` : message;
}

/**
 * Prints one clear message on standard error for a failed command, and returns the exit code. An
 * unexpected error is printed with its stack.
 */
export function explain(cause: unknown, command: string | undefined): number {
  if (cause instanceof ConfigError) {
    const what = command === "serve" ? "cpm-registry cannot start" : `cpm-registry ${command} cannot run`;
    printError(`${what}; these settings are wrong:`);
    for (const { setting, message } of cause.problems) printError(`  ${setting} ${message}`);
    return 1;
  }
  const detail = detailOf(cause);
  const what = command === "serve" ? "cpm-registry cannot start" : `cpm-registry ${command} failed`;
  if (detail === undefined) printError(`cpm-registry failed because of a bug; please report it: ${Bun.inspect(cause)}`);
  else printError(`${what}: ${detail}`);
  return 1;
}
