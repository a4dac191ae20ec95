import { Elysia, NotFoundError, ParseError, ValidationError } from "elysia";
import { errorCode, Failure, type Fault, type RegistryError } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { errorFields, type Logger } from "../runtime/logger.ts";
import { problemResponse, statusOf } from "./problem.ts";
import { BUSY_RETRY_SECONDS } from "./problem-form.ts";
import { contextOf } from "./request-context.ts";
import type { ResponseCache } from "./response-cache.ts";

/**
 * Makes a fault for each invalid field, with the rule. Elysia's own error would repeat the
 * submitted values, including passwords.
 */
function faultsOf(error: ValidationError): Fault[] {
  const faults = new Map<string, Fault>();
  for (const problem of error.all) {
    const path = "path" in problem && typeof problem.path === "string" ? problem.path : "";
    const rule = "schema" in problem ? describe(problem.schema) : undefined;
    if (!faults.has(path)) faults.set(path, { path, message: rule ?? "is missing or has the wrong form" });
  }
  return [...faults.values()];
}

/** Returns the rule of a schema. Every input schema states its rule for users in `error`. */
function describe(schema: unknown): string | undefined {
  if (typeof schema !== "object" || schema === null || !("error" in schema)) return undefined;
  return typeof schema.error === "string" ? schema.error : undefined;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function expectedError(cause: unknown, method: string, allowed: () => readonly string[]): RegistryError | undefined {
  // `/owners` is not a version of a package. But if the route for owners lacks the method, Elysia
  // finds the route for versions.
  if (cause instanceof Failure && cause.error.code === "version_not_found") {
    const allow = allowed();
    return allow.length === 0 || allow.includes(method) ? cause.error : { code: "method_not_allowed", allow };
  }
  if (cause instanceof Failure) return cause.error;
  if (cause instanceof ParseError) {
    if (cause.cause instanceof Failure) return cause.cause.error;
    return { code: "malformed_body", reason: "The body cannot be read. Check its Content-Type and format." };
  }
  if (cause instanceof ValidationError && cause.type !== "response") {
    return { code: "validation_failed", faults: faultsOf(cause) };
  }
  if (cause instanceof NotFoundError) {
    const allow = allowed();
    return allow.length === 0 ? { code: "route_not_found" } : { code: "method_not_allowed", allow };
  }
  if (faultCode(errorCode(cause))?.kind === "exhausted") return { code: "busy", retryAfterSeconds: BUSY_RETRY_SECONDS };
  return undefined;
}

interface FailureDeps {
  readonly logger: Logger;
  readonly responseCache: ResponseCache | undefined;
}

/**
 * Turns every failure into a response. It is the only place that does, comes first in the app and
 * is global. An expected failure becomes a problem, and is logged as a warning if the registry is
 * at fault and not the client. Any other error is logged once, without its message, and becomes
 * `internal`. `pageOf` shows a failure as a page to a browser, and returns undefined for everybody
 * else.
 */
export function failures(
  { logger, responseCache }: FailureDeps,
  methodsOf: (path: string) => string[],
  pageOf: (request: Request, error: RegistryError) => Promise<Response> | undefined,
) {
  return new Elysia({ name: "failures" }).onError({ as: "global" }, async ({ error, request }) => {
    const { id } = contextOf(request);
    const expected = expectedError(error, request.method, () => methodsOf(new URL(request.url).pathname));
    if (expected === undefined) {
      logger.error("internal", { requestId: id, ...errorFields(error) });
    } else if (expected.code === "blob_missing" || expected.code === "blob_corrupt") {
      logger.error(expected.code, { requestId: id, digest: expected.digest });
    } else if (expected.code === "blob_unreadable") {
      logger.error(expected.code, { requestId: id, digest: expected.digest, ...errorFields(error) });
    } else if (expected.code === "database_corrupt") {
      logger.error(expected.code, { requestId: id, ...errorFields(error) });
    } else if (statusOf(expected.code).status >= 500) {
      logger.warn(expected.code, { requestId: id, ...(causeOf(error) === undefined ? {} : errorFields(error)) });
      if (expected.code === "storage_full") responseCache?.releaseSpillFile();
    }
    const shown = expected ?? { code: "internal" };
    return (await pageOf(request, shown)) ?? problemResponse(shown, id);
  });
}
