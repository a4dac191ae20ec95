import type { Origin } from "../audit/record-event.ts";
import { failure } from "../errors.ts";
import type { UserRow } from "./user.ts";

/** What an API token may be allowed to do. */
export const TOKEN_SCOPES = ["read", "publish-new", "publish-update", "yank", "owners"] as const;
export type TokenScope = (typeof TOKEN_SCOPES)[number];

/** What one API token may do, and with which packages. */
export interface TokenGrant {
  readonly id: string;
  readonly scopes: readonly string[];
  /** Names, or patterns such as `foo-*` and `*`. */
  readonly packages: readonly string[];
}

/** Which packages a request may read. */
export type MayRead = (name: string) => boolean;

/** Somebody who proved who they are, with a password session or with an API token. */
export interface Actor {
  /** The account as the database has it now, role included. */
  readonly user: UserRow;
  readonly origin: Origin;
  /** Of the password session; undefined with a token. */
  readonly sessionId: string | undefined;
  /** Undefined with a password session, which may do everything its account may. */
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
 * Tells whether one of the patterns means the name: `foo` itself, `foo-*` all that begins so, `*`
 * everything.
 */
export function coversName(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}

/** Throws `insufficient_scope` unless the token, if it is one, has one of the scopes. */
export function requireScope({ token }: Actor, ...scopes: readonly TokenScope[]): void {
  if (token === undefined || scopes.some((scope) => token.scopes.includes(scope))) return;
  throw failure({ code: "insufficient_scope", needed: `the scope ${scopes.join(" or ")}` });
}

/**
 * Throws `insufficient_scope` unless the token, if it is one, means this package and has one of the
 * scopes. The name comes first: which scope is needed may tell whether the package is there.
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
