import type { RegistryError } from "../errors.ts";
import { packageProblems } from "./package-problems.ts";
import { type ErrorCode, type Particulars, type Problem, type Problems, problem, retryAfter } from "./problem-form.ts";

/** Long, because an operator has to act first. */
const LOG_RETRY_AFTER_SECONDS = 60;
const STORAGE_RETRY_AFTER_SECONDS = 5;
const BEARER = { "www-authenticate": 'Bearer realm="cpm-registry"' };

function sizeText(bytes: number): string {
  return bytes >= 1_048_576 ? `${Math.round((bytes / 1_048_576) * 10) / 10} MiB` : `${bytes} bytes`;
}

const requestProblems = {
  validation_failed: problem(422, "Invalid input", ({ faults }) => ({
    detail: "Correct the fields listed in errors and send the request again.",
    errors: faults,
  })),
  malformed_body: problem(400, "Malformed request body", ({ reason }) => ({ detail: reason })),
  unsupported_media_type: problem(415, "Unsupported media type", ({ expected }) => ({
    detail: `Send the body with Content-Type: ${expected}.`,
  })),
  payload_too_large: problem(413, "Request body too large", ({ what, limitBytes }) => ({
    detail: `${what} is larger than ${sizeText(limitBytes)}, the limit of this registry. Send less.`,
  })),
  request_timeout: problem(408, "Request timeout", () => ({
    detail: "The body arrived too slowly. Send the request again over a faster connection.",
    headers: { connection: "close" },
  })),
  metrics_disabled: problem(403, "Metrics disabled", () => ({
    detail: "Nobody can read the metrics of this registry yet. Set METRICS_TOKEN, and send it as a bearer token.",
  })),
  route_not_found: problem(404, "Address not found", () => ({
    detail: "There is nothing at this address. See /swagger for the addresses of this API.",
  })),
  method_not_allowed: problem(405, "Method not allowed", ({ allow }) => ({
    detail: `This address does not support the method. Use ${allow.join(", ")}.`,
    headers: { allow: allow.join(", ") },
  })),
  range_not_satisfiable: problem(416, "Range not satisfiable", ({ size }) => ({
    detail: `The archive has ${size} bytes. Request a range within them.`,
    headers: { "content-range": `bytes */${size}` },
  })),
} satisfies Partial<Problems>;

const accountProblems = {
  unauthenticated: problem(401, "Not authenticated", ({ reason }) => ({ detail: reason, headers: BEARER })),
  invalid_credentials: problem(401, "Wrong user name or password", () => ({
    detail: "No account has this user name or e-mail address with this password. Check both and try again.",
    headers: BEARER,
  })),
  conflicting_credentials: problem(400, "Conflicting credentials", () => ({
    detail: "Authorization and X-API-Key contain different credentials. Send only one of them.",
  })),
  account_disabled: problem(403, "Account disabled", () => ({
    detail: "An administrator disabled this account. Ask the operator of the registry to enable it.",
  })),
  session_required: problem(403, "Session token required", () => ({
    detail: "An API token cannot do this. Log in with your password and send the session token.",
  })),
  insufficient_scope: problem(403, "Insufficient token scope", ({ needed }) => ({
    detail: `This API token may not do this: it needs ${needed}. Create another one with POST /api/auth/tokens.`,
  })),
  form_refused: problem(403, "Form not accepted", () => ({
    detail:
      "This form was not sent by a page of this registry, or your session has ended since the page was opened. " +
      "Go back, reload the page and send the form again.",
  })),
  admin_only: problem(403, "Administrators only", () => ({
    detail: "Only an administrator of this registry can do this. Ask one to do it.",
  })),
  too_many_attempts: problem(429, "Too many failed logins", ({ retryAfterSeconds }) => ({
    detail: `There were too many failed logins. Try again in ${retryAfterSeconds} s.`,
    headers: retryAfter(retryAfterSeconds),
  })),
  user_not_found: problem(404, "User not found", ({ username }) => ({
    detail: `This registry has no account ${username}. Check the user name.`,
  })),
  token_not_found: problem(404, "Token not found", ({ id }) => ({
    detail: `You have no token ${id}. GET /api/auth/tokens lists your tokens.`,
  })),
  webhook_not_found: problem(404, "Webhook not found", ({ id }) => ({
    detail: `You have no webhook ${id}. The list of your webhooks has the numbers of those that exist.`,
  })),
  key_not_found: problem(404, "Key not found", ({ keyId }) => ({
    detail: `There is no key ${keyId} here. GET the list of keys to see which exist.`,
  })),
  key_exists: problem(409, "Key already exists", ({ reason }) => ({ detail: reason })),
  nonce_invalid: problem(400, "Invalid nonce", () => ({
    detail: "This nonce is unknown, used or expired. Get a new one with POST /api/auth/keys/challenge.",
  })),
  limit_reached: problem(409, "Limit reached", ({ what, max, advice = "remove one first" }) => ({
    detail: `There can be at most ${max} ${what}; ${advice}.`,
  })),
  invitation_invalid: problem(403, "Invitation not valid", () => ({
    detail:
      "This invitation is unknown, used or expired, or it is for another e-mail address. " +
      "Ask the operator of the registry for a new one.",
  })),
  reset_link_invalid: problem(403, "Reset link not valid", () => ({
    detail:
      "This link to set a new password is unknown, used or expired, or a newer one replaced it. " +
      "Ask the operator or an administrator of the registry for a new one.",
  })),
  registration_closed: problem(403, "Registration closed", () => ({
    detail: "This registry accepts no new accounts without an invitation. Ask its operator for one.",
  })),
  username_taken: problem(409, "User name taken", () => ({
    detail: "Another account has this user name. Choose a different one.",
  })),
  username_too_similar: problem(409, "User name too similar", () => ({
    detail: "This user name is easily mistaken for that of another account. Choose a different one.",
  })),
  username_reserved: problem(409, "User name reserved", () => ({
    detail: "This user name is reserved, or is easily mistaken for a reserved one. Choose a different one.",
  })),
  too_many_registrations: problem(429, "Too many registrations", ({ retryAfterSeconds }) => ({
    detail: `Your address registered too many accounts in the last hour. Try again in ${retryAfterSeconds} s.`,
    headers: retryAfter(retryAfterSeconds),
  })),
  email_taken: problem(409, "E-mail address taken", () => ({
    detail: "An account has this e-mail address already. Log in, or use a different address.",
  })),
} satisfies Partial<Problems>;

const REPORT = "Report the requestId to the operator of the registry.";
const SAFE_TO_RETRY = "Try again in a moment. A publish is safe to repeat.";

const serviceProblems = {
  busy: problem(503, "Busy", ({ retryAfterSeconds }) => ({
    detail: "Too many requests of this kind are waiting. Try again in a moment.",
    headers: retryAfter(retryAfterSeconds),
  })),
  database_unavailable: problem(503, "Database unavailable", ({ retryAfterSeconds }) => ({
    detail: `The database does not respond, or accepts no changes. ${SAFE_TO_RETRY}`,
    headers: retryAfter(retryAfterSeconds),
  })),
  database_corrupt: problem(500, "Database damaged", () => ({
    detail: `The database of the registry is damaged. ${REPORT}`,
  })),
  // Without Retry-After: nobody knows when the operator ends it.
  read_only: problem(503, "Read-only", ({ reason }) => ({
    detail:
      `This registry is read-only now: ${reason}. Reading and downloading work, also with the tokens and sessions that ` +
      "you have. Nothing can be published or changed, and nobody can log in, until its operator ends this. Try again later.",
  })),
  log_rollback: problem(503, "Log rolled back", () => ({
    detail:
      "The database is behind what the transparency log has published. Reading still works, but nothing can be " +
      "published or changed until the operator of the registry has decided: see /health/ready.",
    headers: retryAfter(LOG_RETRY_AFTER_SECONDS),
  })),
  log_key_missing: problem(503, "Log key missing", () => ({
    detail:
      "The key that signs the transparency log is missing or is another one. Reading still works, but nothing can be " +
      "published or changed until the operator of the registry has put it back.",
    headers: retryAfter(LOG_RETRY_AFTER_SECONDS),
  })),
  blob_missing: problem(500, "Archive missing", () => ({
    detail: `The registry has lost this archive. ${REPORT}`,
  })),
  blob_corrupt: problem(500, "Archive damaged", () => ({
    detail: `The stored archive is not what its publisher signed, so it is not sent. ${REPORT}`,
  })),
  blob_unreadable: problem(500, "Archive unreadable", () => ({
    detail: `The disk of the registry fails at this archive. ${REPORT}`,
  })),
  storage_busy: problem(503, "Storage busy", () => ({
    detail: `The archive storage asks for fewer requests. ${SAFE_TO_RETRY}`,
    headers: retryAfter(STORAGE_RETRY_AFTER_SECONDS),
  })),
  storage_failed: problem(502, "Storage failed", () => ({
    detail: `The archive storage refused the request or failed. ${SAFE_TO_RETRY}`,
    headers: retryAfter(STORAGE_RETRY_AFTER_SECONDS),
  })),
  storage_timeout: problem(504, "Storage timeout", () => ({
    detail: `The archive storage did not respond in time. ${SAFE_TO_RETRY}`,
    headers: retryAfter(STORAGE_RETRY_AFTER_SECONDS),
  })),
  storage_full: problem(507, "Storage full", () => ({
    detail: "The registry has no storage space left. Tell its operator.",
  })),
  internal: problem(500, "Internal error", () => ({
    detail: `The registry failed unexpectedly. ${REPORT}`,
  })),
} satisfies Partial<Problems>;

const PROBLEMS: Problems = { ...requestProblems, ...accountProblems, ...packageProblems, ...serviceProblems };

/** Every code, for the API description: a type has no members at run time. */
export const ERROR_CODES: readonly string[] = Object.keys(PROBLEMS);

/** The codes of answers that are the fault of the registry, or of what it runs on. */
export const SERVER_FAULTS: readonly string[] = Object.entries(PROBLEMS).flatMap(([code, { status }]) =>
  status >= 500 ? [code] : [],
);

/** Returns the status and title of a code, for the API description. */
export function statusOf(code: ErrorCode): { readonly status: number; readonly title: string } {
  const { status, title } = PROBLEMS[code];
  return { status, title };
}

function particularsOf<C extends ErrorCode>(error: Extract<RegistryError, { code: C }>): Particulars {
  const known: Problem<Extract<RegistryError, { code: C }>> = PROBLEMS[error.code as C];
  return known.particulars(error);
}

/** A failure as people and programs see it. */
export interface ShownProblem extends Particulars {
  readonly status: number;
  readonly title: string;
}

/** Returns the problem of a failure, for whoever shows it in another form than JSON. */
export function problemOf(error: RegistryError): ShownProblem {
  return { ...statusOf(error.code), ...particularsOf(error) };
}

/**
 * Makes the response to a failure, as `application/problem+json` (RFC 9457). `errors` lists single
 * faults where there may be several. The response is never cached.
 */
export function problemResponse(error: RegistryError, requestId: string): Response {
  const { status, title, detail, errors, headers } = problemOf(error);
  const body = { type: `/problems/${error.code}`, title, status, code: error.code, detail, requestId, errors };
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, "content-type": "application/problem+json", "cache-control": "no-store" },
  });
}
