import { ConfigError } from "../config/config.ts";
import { KeyFileError } from "../config/key-file.ts";
import { MigrationError } from "../db/migrate.ts";
import { errorCode, Failure, type RegistryError } from "../errors.ts";
import { UsageError } from "./usage.ts";

/** Exit code of a command that was called wrongly, as in sysexits.h (EX_USAGE). */
const USAGE_ERROR = 64;

/** What an operator can make of the failures that end a command. */
const DETAILS: { readonly [C in RegistryError["code"]]?: string } = {
  database_unavailable: "the database does not answer, or somebody holds its lock; run the command again",
  busy: "too much is going on; run the command again",
  storage_full: "no room is left on the disk or in the database",
  storage_busy: "the storage of archives asks for fewer requests; run the command again",
  storage_failed: "the storage of archives refused or failed",
  storage_timeout: "the storage of archives did not answer in time; run the command again",
};

/** What is wrong with what a command was told, in words for an operator. */
function wordsOf(error: RegistryError): string {
  switch (error.code) {
    case "user_not_found":
      return `there is no account ${error.username}`;
    case "username_taken":
      return "an account has this user name already";
    case "email_taken":
      return "an account has this e-mail address already; give another with --email";
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

function isUsageError(cause: unknown): cause is Error {
  if (cause instanceof UsageError) return true;
  return cause instanceof Error && errorCode(cause)?.startsWith("ERR_PARSE_ARGS") === true;
}

/** The error that a driver or the system threw: what wraps it may repeat the parameters of a query. */
function innermost(cause: Error): Error {
  let inner = cause;
  while (inner.cause instanceof Error) inner = inner.cause;
  return inner;
}

function detailOf(cause: unknown): string | undefined {
  if (cause instanceof Failure) {
    const code = errorCode(cause);
    return `${wordsOf(cause.error)}${code === undefined ? "" : ` (${code})`}`;
  }
  if (cause instanceof MigrationError || cause instanceof KeyFileError) return cause.message;
  // What the system refuses, such as a taken port, is the operator's to mend; anything else is ours.
  const code = errorCode(cause);
  if (!(cause instanceof Error) || code === undefined) return undefined;
  const { message } = innermost(cause);
  return code === "EADDRINUSE" ? `${message} Stop what has it, or set PORT.` : message;
}

/**
 * One clear message on stderr per failed command; what nobody foresaw also says where it happened. Returns the exit
 * code.
 */
export function explain(cause: unknown, command: string): number {
  if (cause instanceof ConfigError) {
    console.error("cpm-registry cannot start; these settings are wrong:");
    for (const { setting, message } of cause.problems) console.error(`  ${setting} ${message}`);
    return 1;
  }
  if (isUsageError(cause)) {
    console.error(`${cause.message.split(". To specify")[0]}\nSee: cpm-registry help`);
    return USAGE_ERROR;
  }
  const detail = detailOf(cause);
  const what = command === "serve" ? "cpm-registry cannot start" : `cpm-registry ${command} failed`;
  if (detail === undefined) console.error("cpm-registry failed:", cause);
  else console.error(`${what}: ${detail}`);
  return 1;
}
