import type { Origin } from "../audit/record-event.ts";
import { failure } from "../errors.ts";
import type { UserRow } from "./user.ts";

/** The scopes that an API token can have. */
export const TOKEN_SCOPES = ["read", "publish-new", "publish-update", "yank", "owners"] as const;

/**
 * The scopes of a token for a script or a pipeline where nobody names others: what it takes to
 * publish.
 */
export const NARROW_SCOPES = ["read", "publish-update"] as const satisfies readonly TokenScope[];

/** One permission of an API token. */
export type TokenScope = (typeof TOKEN_SCOPES)[number];

/**
 * Who may call a route. `account` admits every account, with a password session or an API token.
 * `session` admits password sessions only, and `admin` those of administrators.
 */
export type Guard = "account" | "session" | "admin";

/** The permissions of an API token. */
export interface TokenGrant {
  readonly id: string;
  readonly scopes: readonly string[];
  /** Package names, or patterns such as `foo-*` and `*`. */
  readonly packages: readonly string[];
}

/** Reports whether a request may read a package. */
export type MayRead = (name: string) => boolean;

/** The authenticated sender of a request, with a password session or with an API token. */
export interface Actor {
  /** The account as it is in the database now, including its role. */
  readonly user: UserRow;
  readonly origin: Origin;
  /** The ID of the password session. Undefined with an API token. */
  readonly sessionId: string | undefined;
  /** Undefined with a password session, which may do everything that its account may. */
  readonly token: TokenGrant | undefined;
}

/** An actor with a password session. */
export interface SessionActor extends Actor {
  readonly sessionId: string;
  readonly token: undefined;
}

/** Makes the actor of a password session. */
export function sessionActor(user: UserRow, sessionId: string, address: string | null): SessionActor {
  return { user, origin: { ...originOf(user), address }, sessionId, token: undefined };
}

/** Makes the actor of an API token. */
export function tokenActor(user: UserRow, token: TokenGrant, address: string | null): Actor {
  return { user, origin: { ...originOf(user), address, tokenId: token.id }, sessionId: undefined, token };
}

function originOf({ id, username }: UserRow): Origin {
  return { userId: id, username, address: null, tokenId: null };
}

/**
 * Reports whether a pattern matches the name: `foo` itself, `foo-*` every name that starts with
 * `foo-`, `*` every name.
 */
export function coversName(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}

/** Throws `insufficient_scope` if the actor has an API token without any of the scopes. */
export function requireScope({ token }: Pick<Actor, "token">, ...scopes: readonly TokenScope[]): void {
  if (token === undefined || scopes.some((scope) => token.scopes.includes(scope))) return;
  throw failure({ code: "insufficient_scope", needed: `the scope ${scopes.join(" or ")}` });
}

/**
 * Throws `insufficient_scope` if the actor has an API token that does not cover this package or has
 * none of the scopes. The name is checked first, because the needed scope can reveal whether the
 * package exists.
 */
export function requireScopeFor(actor: Actor, name: string, ...scopes: readonly TokenScope[]): void {
  if (actor.token !== undefined && !coversName(actor.token.packages, name)) {
    throw failure({ code: "insufficient_scope", needed: "this package among its packages" });
  }
  requireScope(actor, ...scopes);
}

/** Reports whether `requireScopeFor` lets the actor pass. */
export function hasScopeFor({ token }: Actor, name: string, scope: TokenScope): boolean {
  return token === undefined || (coversName(token.packages, name) && token.scopes.includes(scope));
}
