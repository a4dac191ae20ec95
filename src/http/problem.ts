import type { Fault, RegistryError } from "../errors.ts";
import { rateLimitHeaders } from "./rate-limit.ts";

type ErrorCode = RegistryError["code"];

/** The part of an answer that depends on what happened. `detail` says what happened and what to do about it. */
interface Particulars {
  readonly detail: string;
  readonly errors?: readonly Fault[];
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer<E> {
  readonly status: number;
  readonly title: string;
  readonly particulars: (error: E) => Particulars;
}

/** One answer per code: a member of the union without one does not compile. */
type Answers = { readonly [C in ErrorCode]: Answer<Extract<RegistryError, { code: C }>> };

function answer<E>(status: number, title: string, particulars: (error: E) => Particulars): Answer<E> {
  return { status, title, particulars };
}

/** An operator has to come first. */
const LOG_RETRY_AFTER_SECONDS = 60;
/** Retries inside of the registry took some seconds already. */
const STORAGE_RETRY_AFTER_SECONDS = 5;
const BEARER = { "www-authenticate": 'Bearer realm="cpm-registry"' };

function sizeText(bytes: number): string {
  return bytes >= 1_048_576 ? `${Math.round((bytes / 1_048_576) * 10) / 10} MiB` : `${bytes} bytes`;
}

function retryAfter(seconds: number): Record<string, string> {
  return { "retry-after": String(seconds) };
}

const requestAnswers = {
  validation_failed: answer(422, "Invalid input", ({ faults }) => ({
    detail: "Correct the fields under errors and send again.",
    errors: faults,
  })),
  malformed_body: answer(400, "Malformed body", ({ reason }) => ({ detail: reason })),
  unsupported_media_type: answer(415, "Unsupported content type", ({ expected }) => ({
    detail: `Send the body as ${expected}.`,
  })),
  payload_too_large: answer(413, "Too large", ({ what, limitBytes }) => ({
    detail: `${what} is larger than ${sizeText(limitBytes)}, the limit of this registry.`,
  })),
  request_timeout: answer(408, "Request timeout", () => ({
    detail: "The body came too slowly; send it again on a faster connection.",
    headers: { connection: "close" },
  })),
  route_not_found: answer(404, "Not found", () => ({
    detail: "Nothing is at this address. /swagger lists what there is.",
  })),
  method_not_allowed: answer(405, "Method not allowed", ({ allow }) => ({
    detail: `This address answers to ${allow.join(", ")}.`,
    headers: { allow: allow.join(", ") },
  })),
  range_not_satisfiable: answer(416, "Range not satisfiable", ({ size }) => ({
    detail: `The archive has ${size} bytes; ask for a range inside them.`,
    headers: { "content-range": `bytes */${size}` },
  })),
} satisfies Partial<Answers>;

const accountAnswers = {
  unauthenticated: answer(401, "Not logged in", ({ reason }) => ({ detail: reason, headers: BEARER })),
  invalid_credentials: answer(401, "Wrong name or password", () => ({
    detail: "No account has this name or e-mail with this password.",
    headers: BEARER,
  })),
  conflicting_credentials: answer(400, "Conflicting credentials", () => ({
    detail: "Authorization and X-API-Key name different credentials; send one of them.",
  })),
  account_disabled: answer(403, "Account disabled", () => ({
    detail: "An administrator disabled this account; ask the registry's operator.",
  })),
  session_required: answer(403, "Session required", () => ({
    detail: "An API token cannot do this: log in with your password and send that token.",
  })),
  insufficient_scope: answer(403, "Token lacks the scope", ({ needed }) => ({
    detail: `This API token may not do that: it needs ${needed}. Make another with POST /api/auth/tokens.`,
  })),
  admin_only: answer(403, "For administrators", () => ({
    detail: "Only an administrator of this registry may do this.",
  })),
  too_many_attempts: answer(429, "Too many attempts", ({ retryAfterSeconds }) => ({
    detail: `Too many failed logins; try again in ${retryAfterSeconds} s.`,
    headers: retryAfter(retryAfterSeconds),
  })),
  user_not_found: answer(404, "User not found", ({ username }) => ({
    detail: `This registry has no account ${username}.`,
  })),
  token_not_found: answer(404, "Token not found", ({ id }) => ({
    detail: `You have no token ${id}; GET /api/auth/tokens lists them.`,
  })),
  key_not_found: answer(404, "Key not found", ({ keyId }) => ({
    detail: `There is no key ${keyId} here; GET the list of keys to see which there are.`,
  })),
  key_exists: answer(409, "Key exists", ({ reason }) => ({ detail: reason })),
  nonce_invalid: answer(400, "Nonce invalid", () => ({
    detail: "This nonce is unknown, used or expired; POST /api/auth/keys/challenge gives a new one.",
  })),
  limit_reached: answer(409, "Limit reached", ({ what, max, advice = "remove one first" }) => ({
    detail: `At most ${max} ${what}; ${advice}.`,
  })),
  registration_closed: answer(403, "Registration is closed", () => ({
    detail: "This registry takes no new accounts; ask its operator for one.",
  })),
  username_taken: answer(409, "User name taken", () => ({ detail: "An account has this user name; choose another." })),
  email_taken: answer(409, "E-mail taken", () => ({
    detail: "An account has this e-mail address; log in, or use another.",
  })),
} satisfies Partial<Answers>;

const packageAnswers = {
  package_not_found: answer(404, "Package not found", ({ name }) => ({
    detail: `This registry has no package ${name}.`,
  })),
  version_not_found: answer(404, "Version not found", ({ name, version, hint }) => ({
    detail: `${name} has no version ${version}.${hint === undefined ? "" : ` ${hint}`}`,
  })),
  contents_not_found: answer(404, "Not in the archive", ({ name, version, file }) => ({
    detail: `${name} ${version} has no ${file}.`,
  })),
  tile_not_found: answer(404, "No such tile", () => ({
    detail: "The log has no such tile, or is not that large: GET /log/checkpoint tells its size.",
  })),
  not_an_owner: answer(403, "Not an owner", ({ name }) => ({
    detail: `Only an owner of ${name} may do this; GET /api/packages/${name} names them.`,
  })),
  last_owner: answer(409, "Last owner", ({ name }) => ({
    detail: `${name} would be left without an owner; invite another first.`,
  })),
  key_not_trusted: answer(403, "Key not trusted", ({ reason }) => ({ detail: reason })),
  key_change_outdated: answer(409, "Key change outdated", ({ name, previous }) => ({
    detail: `The keys of ${name} have changed: sign again with previous: ${previous}`,
  })),
  last_key: answer(409, "Last key", ({ name }) => ({
    detail: `${name} would be left without a key; add another first.`,
  })),
  reset_pending: answer(409, "Reset pending", ({ name, effectiveAt }) => ({
    detail: `The keys of ${name} are being reset, which takes effect at ${effectiveAt}; cancel that first.`,
  })),
  reset_not_found: answer(404, "No reset", ({ name }) => ({ detail: `No reset of the keys of ${name} is pending.` })),
  name_too_similar: answer(409, "Name too similar", ({ name, existing }) => ({
    detail: `${name} is easily taken for ${existing}, which many use. Choose another name, or ask an administrator to allow it.`,
  })),
  package_archived: answer(403, "Package archived", ({ name }) => ({
    detail: `${name} is archived and takes no new versions; an owner can make it active again.`,
  })),
  package_full: answer(409, "Package full", ({ name, freeBytes }) => ({
    detail: `The manifests of all versions of ${name} are too long together. Shorten what colony.yaml shows (description, inputs, dependencies, maintainers), together with the warnings about the archive, to ${freeBytes} bytes: such a version is always taken.`,
  })),
  quarantined: answer(403, "Quarantined", ({ what, reason }) => ({
    detail: `An administrator holds ${what} back: ${reason}`,
  })),
  version_compromised: answer(409, "Signed with a compromised key", ({ name, version }) => ({
    detail: `${name} ${version} was signed when its key was already compromised, so it stays yanked; publish a new version.`,
  })),
  publish_limit_reached: answer(429, "Publish limit reached", ({ what, limit }) => ({
    detail: `You have published ${limit.limit} ${what} within an hour, as many as this registry takes; go on in ${limit.resetSeconds} s.`,
    headers: { ...retryAfter(limit.resetSeconds), ...rateLimitHeaders([limit]) },
  })),
  secrets_found: answer(422, "Secrets found", ({ faults }) => ({
    detail:
      "The archive holds what looks like secrets. Remove them and make new ones, or publish with ?allowSecrets=true if they are none.",
    errors: faults,
  })),
  name_taken: answer(409, "Package name taken", ({ name, existing }) => ({
    detail: `${name} is too close to ${existing}: names that differ only in - _ . are one name.`,
  })),
  version_exists: answer(409, "Version already exists", ({ name, version, reason }) => ({
    detail: `${name} ${version} ${reason} A version number is used once: publish under a new one.`,
  })),
  signature_invalid: answer(400, "Signature invalid", ({ faults }) => ({
    detail: "The signature was not accepted; errors says why.",
    errors: faults,
  })),
  archive_rejected: answer(422, "Archive rejected", ({ faults }) => ({
    detail: "Correct the archive as errors says and publish it again.",
    errors: faults,
  })),
} satisfies Partial<Answers>;

const serviceAnswers = {
  busy: answer(503, "Busy", ({ retryAfterSeconds }) => ({
    detail: "Too many requests of this kind are waiting; try again in a moment.",
    headers: retryAfter(retryAfterSeconds),
  })),
  database_unavailable: answer(503, "Database unavailable", ({ retryAfterSeconds }) => ({
    detail: "The database does not answer; try again in a moment. A publish is safe to repeat.",
    headers: retryAfter(retryAfterSeconds),
  })),
  log_rollback: answer(503, "Log rolled back", () => ({
    detail:
      "The database is behind what the transparency log published, so nothing can be published or changed; " +
      "reading goes on. Its operator must decide: see /health/ready.",
    headers: retryAfter(LOG_RETRY_AFTER_SECONDS),
  })),
  blob_missing: answer(500, "Archive missing", () => ({
    detail: "The registry lost this archive; tell its operator the requestId.",
  })),
  blob_corrupt: answer(500, "Archive damaged", () => ({
    detail:
      "The stored archive is not what its publisher signed, so it is not given out; tell the registry's operator.",
  })),
  storage_busy: answer(503, "Storage busy", () => ({
    detail: "The storage asks for fewer requests; try again in a moment. A publish is safe to repeat.",
    headers: retryAfter(STORAGE_RETRY_AFTER_SECONDS),
  })),
  storage_failed: answer(502, "Storage failed", () => ({
    detail: "The storage of archives refused or failed; try again in a moment. A publish is safe to repeat.",
    headers: retryAfter(STORAGE_RETRY_AFTER_SECONDS),
  })),
  storage_timeout: answer(504, "Storage timeout", () => ({
    detail: "The storage of archives did not answer in time; try again in a moment. A publish is safe to repeat.",
    headers: retryAfter(STORAGE_RETRY_AFTER_SECONDS),
  })),
  storage_full: answer(507, "Storage full", () => ({ detail: "The registry has no room; tell its operator." })),
  internal: answer(500, "Internal error", () => ({ detail: "The registry failed; tell its operator the requestId." })),
} satisfies Partial<Answers>;

const ANSWERS: Answers = { ...requestAnswers, ...accountAnswers, ...packageAnswers, ...serviceAnswers };

/** Every code, for tests: a type has no members at run time. */
export const ERROR_CODES = Object.keys(ANSWERS);

/** Status and title of a code, for the documentation of the API. */
export function statusOf(code: ErrorCode): { readonly status: number; readonly title: string } {
  const { status, title } = ANSWERS[code];
  return { status, title };
}

function particularsOf<C extends ErrorCode>(error: Extract<RegistryError, { code: C }>): Particulars {
  const known: Answer<Extract<RegistryError, { code: C }>> = ANSWERS[error.code as C];
  return known.particulars(error);
}

/**
 * Answers a failure as RFC 9457 `application/problem+json`: `type`, `title`, `status`, `code`, `detail`, `requestId`
 * and, where several things are wrong, `errors`. Never cached.
 */
export function problemResponse(error: RegistryError, requestId: string): Response {
  const { status, title } = statusOf(error.code);
  const { detail, errors, headers } = particularsOf(error);
  const body = { type: `/problems/${error.code}`, title, status, code: error.code, detail, requestId, errors };
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, "content-type": "application/problem+json", "cache-control": "no-store" },
  });
}
