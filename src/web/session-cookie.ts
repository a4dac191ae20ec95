/*
 * The cookie in which a browser has its session. Only pages read it. The API never does, so no page
 * of another site can call the API with it.
 */

/** Where the cookie is valid. `base` is the absolute address of the registry. */
interface CookieScope {
  readonly base: string;
}

function isSecure({ base }: CookieScope): boolean {
  return base.startsWith("https://");
}

/** With the prefix, a browser takes the cookie only over https (RFC 6265bis §4.1.3). */
function nameIn(scope: CookieScope): string {
  return isSecure(scope) ? "__Secure-cpm_session" : "cpm_session";
}

function attributesIn(scope: CookieScope): string {
  const path = `${new URL(scope.base).pathname.replace(/\/$/, "")}/`;
  return `Path=${path}; HttpOnly; SameSite=Lax${isSecure(scope) ? "; Secure" : ""}`;
}

/** Makes the header that gives a browser a session. */
export function sessionCookie(scope: CookieScope, token: string, expiresAt: Date): string {
  return `${nameIn(scope)}=${token}; Expires=${expiresAt.toUTCString()}; ${attributesIn(scope)}`;
}

/** Makes the header that takes the session from a browser. */
export function endedCookie(scope: CookieScope): string {
  return `${nameIn(scope)}=; Max-Age=0; ${attributesIn(scope)}`;
}

/** Reads the session token of a browser. */
export function sessionTokenOf({ headers }: Request, scope: CookieScope): string | undefined {
  const name = `${nameIn(scope)}=`;
  const found = (headers.get("cookie") ?? "").split(";").find((pair) => pair.trim().startsWith(name));
  return found?.trim().slice(name.length) || undefined;
}
