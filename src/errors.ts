/**
 * One fault in what the client sent. `path` is a JSON Pointer for fields (`/signature`) and an
 * entry name for archives (`templates/../x`). `code` is stable where a client may act on it.
 */
export interface Fault {
  readonly path: string;
  readonly code?: string;
  readonly message: string;
}

/** How often something may be done in a window of time, and how much of that remains. */
export interface RateLimit {
  /** The name of the policy in the headers. */
  readonly policy: string;
  readonly limit: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  /** The seconds until more will remain. */
  readonly resetSeconds: number;
}

/**
 * Every expected failure of this registry. A new member needs a problem in `http/problem.ts`, or
 * the build fails. Members contain what the response needs and nothing secret, because they end up
 * in problem bodies.
 */
export type RegistryError =
  | { readonly code: "validation_failed"; readonly faults: readonly Fault[] }
  | { readonly code: "malformed_body"; readonly reason: string }
  | { readonly code: "unsupported_media_type"; readonly expected: string }
  | { readonly code: "payload_too_large"; readonly what: string; readonly limitBytes: number }
  /** The client sends its request too slowly. */
  | { readonly code: "request_timeout" }
  | { readonly code: "metrics_disabled" }
  | { readonly code: "route_not_found" }
  | { readonly code: "method_not_allowed"; readonly allow: readonly string[] }
  | { readonly code: "unauthenticated"; readonly reason: string }
  | { readonly code: "invalid_credentials" }
  /** Authorization and X-API-Key contain different credentials. */
  | { readonly code: "conflicting_credentials" }
  | { readonly code: "account_disabled" }
  /** An API token was used where only a password session is allowed. */
  | { readonly code: "session_required" }
  | { readonly code: "insufficient_scope"; readonly needed: string }
  | { readonly code: "admin_only" }
  /** A form came from a page of another site, or from a session that ended. */
  | { readonly code: "form_refused" }
  | { readonly code: "too_many_attempts"; readonly retryAfterSeconds: number }
  | { readonly code: "user_not_found"; readonly username: string; readonly isForgotten?: true }
  | { readonly code: "token_not_found"; readonly id: string }
  | { readonly code: "webhook_not_found"; readonly id: string }
  | { readonly code: "key_not_found"; readonly keyId: string }
  | { readonly code: "key_exists"; readonly reason: string }
  | { readonly code: "nonce_invalid" }
  /**
   * The limit of a kind of thing is reached. `advice` replaces the advice to remove one, where that
   * makes no room.
   */
  | { readonly code: "limit_reached"; readonly what: string; readonly max: number; readonly advice?: string }
  | { readonly code: "registration_closed" }
  /** An invitation to make an account is unknown, used, expired, or for another address. */
  | { readonly code: "invitation_invalid" }
  /** A link to set a new password is unknown, used, replaced or expired. */
  | { readonly code: "reset_link_invalid" }
  | { readonly code: "too_many_registrations"; readonly retryAfterSeconds: number }
  | { readonly code: "username_taken" }
  /** The name is easily mistaken for that of an account. */
  | { readonly code: "username_too_similar"; readonly other: string }
  | { readonly code: "username_reserved" }
  | { readonly code: "email_taken" }
  | { readonly code: "package_not_found"; readonly name: string }
  | { readonly code: "version_not_found"; readonly name: string; readonly version: string; readonly hint?: string }
  | { readonly code: "contents_not_found"; readonly name: string; readonly version: string; readonly file: string }
  /** The archive has no file with the path that was asked for. */
  | { readonly code: "file_not_found"; readonly name: string; readonly version: string }
  | {
      readonly code: "file_too_large";
      readonly name: string;
      readonly version: string;
      readonly sizeBytes: number;
      readonly limitBytes: number;
    }
  | { readonly code: "tile_not_found" }
  | { readonly code: "not_an_owner"; readonly name: string }
  | { readonly code: "last_owner"; readonly name: string }
  /** The signature is valid, but its key may not sign this. */
  | { readonly code: "key_not_trusted"; readonly reason: string }
  | { readonly code: "key_change_outdated"; readonly name: string; readonly previous: string }
  | { readonly code: "last_key"; readonly name: string }
  | { readonly code: "reset_pending"; readonly name: string; readonly effectiveAt: string }
  | { readonly code: "reset_not_found"; readonly name: string }
  | { readonly code: "reset_upheld"; readonly name: string }
  | { readonly code: "name_too_similar"; readonly name: string; readonly existing: string }
  | { readonly code: "package_archived"; readonly name: string }
  /** A manifest of at most `freeBytes` is always accepted. */
  | { readonly code: "package_full"; readonly name: string; readonly freeBytes: number }
  /** `what` is a package or one of its versions. */
  | { readonly code: "quarantined"; readonly what: string; readonly reason: string }
  /** `what` is a package or one of its versions. Nobody gets its contents any more. */
  | { readonly code: "taken_down"; readonly what: string; readonly reason: "legal" | "secret" | "malware" | "policy" }
  | { readonly code: "version_compromised"; readonly name: string; readonly version: string }
  | { readonly code: "publish_limit_reached"; readonly what: string; readonly limit: RateLimit }
  | { readonly code: "secrets_found"; readonly faults: readonly Fault[] }
  | { readonly code: "name_taken"; readonly name: string; readonly existing: string }
  | { readonly code: "version_exists"; readonly name: string; readonly version: string; readonly reason: string }
  | { readonly code: "signature_invalid"; readonly faults: readonly Fault[] }
  | { readonly code: "archive_rejected"; readonly faults: readonly Fault[] }
  | { readonly code: "blob_missing"; readonly digest: string }
  | { readonly code: "blob_corrupt"; readonly digest: string }
  /** The disk fails at the file of the archive. */
  | { readonly code: "blob_unreadable"; readonly digest: string }
  | { readonly code: "range_not_satisfiable"; readonly size: number }
  | { readonly code: "busy"; readonly retryAfterSeconds: number }
  | { readonly code: "database_unavailable"; readonly retryAfterSeconds: number }
  /** What the database has stored is damaged. */
  | { readonly code: "database_corrupt" }
  | { readonly code: "storage_full" }
  /** The storage asks for fewer requests. */
  | { readonly code: "storage_busy" }
  /** The storage refused, failed, or returned other bytes than were stored. */
  | { readonly code: "storage_failed" }
  | { readonly code: "storage_timeout" }
  /** Nothing may be changed now. `reason` is what everybody is told. */
  | { readonly code: "read_only"; readonly reason: string }
  /** The database is behind what this log has published, so nothing may be appended to the log. */
  | { readonly code: "log_rollback" }
  /** The key that signs the log is missing, so nothing may be appended to the log. */
  | { readonly code: "log_key_missing" }
  /** An unexpected error. Only the boundary that logs its cause creates this member. */
  | { readonly code: "internal" };

/** Carries a `RegistryError` up to the one boundary that responds. */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(
    readonly error: RegistryError,
    cause?: unknown,
  ) {
    super(error.code, cause === undefined ? undefined : { cause });
  }
}

/**
 * Makes the throwable form of an expected failure: `throw failure({ code: "username_taken" })`. The
 * log records class and code of the `cause`.
 */
export function failure(error: RegistryError, cause?: unknown): Failure {
  return new Failure(error, cause);
}

/**
 * Returns the code of a failed system call, driver or library, such as `ENOENT` or `23505`.
 * Searches the error itself and then its causes.
 */
export function errorCode(cause: unknown): string | undefined {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if ("code" in error && typeof error.code === "string") return error.code;
  }
  return undefined;
}
