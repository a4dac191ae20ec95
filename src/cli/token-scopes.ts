import { TOKEN_SCOPES, type TokenScope } from "../accounts/actor.ts";

/** The scopes of API tokens, as commands name them. */
export const TOKEN_SCOPE_NAMES: readonly TokenScope[] = TOKEN_SCOPES;

/** Returns whether a text names a scope. */
export function isTokenScope(text: string): text is TokenScope {
  return TOKEN_SCOPE_NAMES.some((scope) => scope === text);
}
