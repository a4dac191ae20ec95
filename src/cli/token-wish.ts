import { TOKEN_SCOPES, type TokenScope } from "../accounts/actor.ts";
import { UsageError } from "./usage.ts";

const EXPIRES_MAX_DAYS = 366;

/** Reads `--expires`. Throws `UsageError`. */
export function daysOf(expires: string): number {
  const days = Number(expires);
  if (/^\d+$/.test(expires) && days >= 1 && days <= EXPIRES_MAX_DAYS) return days;
  throw new UsageError(`--expires must be a whole number of days, 1 to ${EXPIRES_MAX_DAYS}.`);
}

/** Reads the values of `--scope`, each one scope or several with commas. Throws `UsageError`. */
export function scopesOf(given: readonly string[]): TokenScope[] {
  const scopes = given.flatMap((scope) => scope.split(",")).map((scope) => scope.trim());
  const unknown = scopes.find((scope) => !isTokenScope(scope));
  if (unknown !== undefined) throw new UsageError(`--scope ${unknown} must be one of ${TOKEN_SCOPES.join(", ")}.`);
  return scopes.filter(isTokenScope);
}

function isTokenScope(text: string): text is TokenScope {
  return TOKEN_SCOPES.some((scope) => scope === text);
}
