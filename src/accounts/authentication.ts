import { jwt } from "@elysiajs/jwt";
import { Elysia } from "elysia";
import type { Database } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { isTokenText } from "../domain/token-text.ts";
import { failure } from "../errors.ts";
import { jsonBody } from "../http/body.ts";
import { contextOf } from "../http/request-context.ts";
import { CLOCK_DIFFERENCE_MAX_MS } from "../signing/key-statements.ts";
import { isId } from "./account-id.ts";
import { type Actor, coversName, type Guard, type MayRead, requireScope, type SessionActor } from "./actor.ts";
import { findSession, findToken } from "./credentials.ts";
import { databaseOf } from "./revalidate.ts";
import { AUDIENCE } from "./session-token.ts";

declare module "../http/request-context.ts" {
  interface RequestContext {
    /** The actor of the request. Undefined until its credential was verified. */
    actor?: Actor;
  }
}

const BEARER = /^Bearer +([^ ]+) *$/i;
const API_TOKEN = /^cpm_/;

type AuthDeps = Pick<Deps, "db" | "clock" | "config" | "jwtKeys" | "readOnly">;

interface Claims {
  readonly sub?: unknown;
  readonly jti?: unknown;
  readonly iat?: unknown;
}

/** Verifies the tokens of sessions. */
export interface JwtVerifier {
  /** Returns the claims of a token that one of the keys signed, and that is valid now. */
  claimsOf(text: string, now: Date): Promise<Claims | undefined>;
}

/** The part of Elysia's context that authentication needs. */
interface AuthContext {
  readonly request: Request;
  readonly jwt: JwtVerifier;
}

/**
 * Returns the credential of a request, or undefined for a guest. Throws `unauthenticated` or
 * `conflicting_credentials`.
 */
function credentialOf({ headers }: Request): string | undefined {
  const authorization = headers.get("authorization");
  const apiKey = headers.get("x-api-key")?.trim();
  const bearer = authorization === null ? undefined : BEARER.exec(authorization)?.[1];
  if (authorization !== null && bearer === undefined) {
    throw failure({
      code: "unauthenticated",
      reason: "The Authorization header must be: Bearer <token>. Correct it and send the request again.",
    });
  }
  if (bearer !== undefined && apiKey !== undefined && bearer !== apiKey) {
    throw failure({ code: "conflicting_credentials" });
  }
  if (bearer === undefined && apiKey !== undefined && !API_TOKEN.test(apiKey)) {
    throw failure({
      code: "unauthenticated",
      reason: "X-API-Key accepts only API tokens, which start with cpm_. Send a session token in Authorization.",
    });
  }
  return bearer ?? apiKey;
}

async function verifiedClaims({ clock }: AuthDeps, verifier: JwtVerifier, text: string) {
  const now = clock();
  const claims = await verifier.claimsOf(text, now);
  if (claims === undefined || !isId(claims.sub) || !isId(claims.jti)) return undefined;
  // A session that a clock far ahead opened would last until that clock's time.
  if (Number(claims.iat) * 1_000 > now.getTime() + CLOCK_DIFFERENCE_MAX_MS) return undefined;
  return { sessionId: claims.jti, userId: claims.sub };
}

/**
 * Returns the session of a token, or undefined if the token is invalid or its session has ended.
 * Throws `account_disabled`.
 */
export async function sessionOf(
  deps: AuthDeps,
  { request, jwt: verifier }: AuthContext,
  text: string,
): Promise<SessionActor | undefined> {
  const claims = await verifiedClaims(deps, verifier, text);
  return claims && findSession(deps, claims.sessionId, claims.userId, contextOf(request).clientAddress);
}

/**
 * Authenticates the sender of a request, once for each request. Throws `unauthenticated`,
 * `account_disabled` or `conflicting_credentials`.
 */
async function authenticate(deps: AuthDeps, context: AuthContext): Promise<Actor> {
  const { request } = context;
  const requestContext = contextOf(request);
  if (requestContext.actor !== undefined) return requestContext.actor;
  const text = credentialOf(request);
  if (text === undefined) {
    const reason = "Send Authorization: Bearer <token> with an API token or the token of POST /api/auth/login.";
    throw failure({ code: "unauthenticated", reason });
  }
  const isApiToken = API_TOKEN.test(text);
  if (isApiToken && !isTokenText(text)) {
    const reason = "This API token is incomplete or mistyped: its checksum is wrong. Copy the whole token again.";
    throw failure({ code: "unauthenticated", reason });
  }
  const found = isApiToken
    ? await findToken(deps, text, requestContext.clientAddress)
    : await sessionOf(deps, context, text);
  if (found === undefined) {
    const reason = "This token is invalid or has expired. Log in again, or create a new API token.";
    throw failure({ code: "unauthenticated", reason });
  }
  requestContext.actor = found;
  return found;
}

function isSession(actor: Actor): actor is SessionActor {
  return actor.sessionId !== undefined;
}

/**
 * Makes a guard that throws unless the actor may call the route. Elysia runs `parse` before any
 * macro, so the guard must be the first entry of `parse` of a route with a body. Then the response
 * is 401 or 403 before a byte of the body is read.
 */
export function actorGuard(deps: AuthDeps, guard: Guard) {
  return async (context: AuthContext): Promise<void> => {
    if (guard === "account") await authenticate(deps, context);
    else await sessionGuard(deps, guard)(context);
  };
}

/**
 * Makes the `parse` of a guarded route with a JSON body. `read` replaces the reader, for a body
 * that may be missing.
 */
export function guardedJson(deps: AuthDeps, guard: Guard, read = jsonBody) {
  return [actorGuard(deps, guard), read, "application/json" as const];
}

/**
 * Makes a guard that returns the actor of a password session. Throws 403 for an API token and, with
 * `admin`, for accounts that are not administrators.
 */
export function sessionGuard(deps: AuthDeps, guard: "session" | "admin") {
  return async (context: AuthContext): Promise<SessionActor> => {
    const actor = await authenticate(deps, context);
    if (!isSession(actor)) throw failure({ code: "session_required" });
    if (guard === "admin" && actor.user.role !== "admin") throw failure({ code: "admin_only" });
    return actor;
  };
}

/**
 * What a route with `reader: true` may show. It is a type and no interface, because Elysia needs a
 * record.
 */
type ReadAccess = {
  readonly mayRead: MayRead;
  /** Names and patterns of the readable packages. Undefined means all. */
  readonly readable: readonly string[] | undefined;
};

async function readAccessOf(deps: AuthDeps, context: AuthContext): Promise<ReadAccess> {
  const everything = { mayRead: () => true, readable: undefined };
  if (deps.config.readAccess === "public") return everything;
  const actor = await authenticate(deps, context);
  requireScope(actor, "read");
  const readable = actor.token?.packages;
  if (readable === undefined) return everything;
  return { mayRead: (name) => coversName(readable, name), readable };
}

/** What a guarded route receives. It is a type and no interface, because Elysia needs a record. */
export type Acting<A extends Actor> = {
  readonly actor: A;
  /** For the writes of this request: each transaction checks the actor again. */
  readonly db: Database;
};

function acting<A extends Actor>(deps: AuthDeps, actor: A, guard: Guard): Acting<A> {
  return { actor, db: databaseOf(deps, actor, guard) };
}

/** The part of Elysia's context that a response needs. */
interface ResponseContext {
  readonly set: { readonly headers: Record<string, string | number | undefined> };
  readonly response: unknown;
}

/** Verifies with every key, the present one first: most tokens are signed with it. */
function verifierOf({ config, jwtKeys }: AuthDeps): JwtVerifier {
  const verifiers = jwtKeys.reveal().map((secret) => jwt({ secret, alg: "HS256" }).decorator.jwt);
  const options = {
    algorithms: ["HS256"],
    issuer: config.jwtIssuer,
    audience: AUDIENCE,
    requiredClaims: ["sub", "jti", "iat", "exp"],
  };
  return {
    claimsOf: async (text, now) => {
      for (const verifier of verifiers) {
        const claims = await verifier.verify(text, { ...options, currentDate: now });
        if (claims !== false) return claims;
      }
      return undefined;
    },
  };
}

/** Stops shared caches from serving a private registry's response to another client. */
function restrictCaching({ config }: Pick<Deps, "config">, { set, response }: ResponseContext): void {
  if (config.readAccess === "public") return;
  const { vary } = set.headers;
  // Set in Elysia's `set`, because Elysia drops the `Vary: Origin` of CORS if the response itself
  // has `Vary`.
  set.headers.vary = `${vary === undefined ? "" : `${vary}, `}Authorization, X-API-Key`;
  if (!(response instanceof Response)) return;
  const { headers } = response;
  if (headers.get("cache-control") === "no-cache") headers.set("cache-control", "private, no-cache");
}

/**
 * Adds the JWT functions and the macros that guard routes. With `account: true`, `session: true` or
 * `admin: true` a route gets the authenticated `actor` and a database `db` for its writes, or
 * responds 401 or 403. With `reader: true` it gets `mayRead` and `readable`, and responds 401 to
 * guests if `READ_ACCESS` requires it. Hooks of a plugin are local in Elysia, so every route that
 * needs a macro must name it.
 */
export function authentication(deps: AuthDeps) {
  const sessionFor =
    (guard: "session" | "admin") =>
    async (context: AuthContext): Promise<Acting<SessionActor>> =>
      acting(deps, await sessionGuard(deps, guard)(context), guard);
  return new Elysia({ name: "authentication" }).decorate("jwt", verifierOf(deps)).macro({
    reader: {
      resolve: (context): Promise<ReadAccess> => readAccessOf(deps, context),
      afterHandle: (context) => restrictCaching(deps, context),
    },
    account: {
      resolve: async (context): Promise<Acting<Actor>> => acting(deps, await authenticate(deps, context), "account"),
    },
    session: { resolve: sessionFor("session") },
    admin: { resolve: sessionFor("admin") },
  });
}
