import { jwt } from "@elysiajs/jwt";
import { Elysia } from "elysia";
import type { Deps } from "../deps.ts";
import { isTokenText } from "../domain/token-text.ts";
import { failure } from "../errors.ts";
import { jsonBody } from "../http/body.ts";
import { contextOf } from "../http/request-context.ts";
import { isId } from "./account-id.ts";
import { type Actor, coversName, type MayRead, requireScope, type SessionActor } from "./actor.ts";
import { findSession, findToken } from "./credentials.ts";

declare module "../http/request-context.ts" {
  interface RequestContext {
    /** The actor of the request, once its credential was checked. */
    actor?: Actor;
  }
}

const AUDIENCE = "cpm-registry";
const BEARER = /^Bearer +([^ ]+) *$/i;
const API_TOKEN = /^cpm_/;

type AuthDeps = Pick<Deps, "db" | "clock" | "config" | "jwtKey">;
type Tokens = Pick<ReturnType<typeof jwt>["decorator"]["jwt"], "verify">;

/** As much of Elysia's context as a proof needs. */
interface Proving {
  readonly request: Request;
  readonly jwt: Tokens;
}

/**
 * The credential of a request, undefined for a guest. Throws `unauthenticated` or
 * `conflicting_credentials`.
 */
function credentialOf({ headers }: Request): string | undefined {
  const authorization = headers.get("authorization");
  const apiKey = headers.get("x-api-key")?.trim();
  const bearer = authorization === null ? undefined : BEARER.exec(authorization)?.[1];
  if (authorization !== null && bearer === undefined) {
    throw failure({ code: "unauthenticated", reason: "Authorization must be: Bearer <token>." });
  }
  if (bearer !== undefined && apiKey !== undefined && bearer !== apiKey) {
    throw failure({ code: "conflicting_credentials" });
  }
  if (bearer === undefined && apiKey !== undefined && !API_TOKEN.test(apiKey)) {
    throw failure({ code: "unauthenticated", reason: "X-API-Key takes API tokens, which begin with cpm_." });
  }
  return bearer ?? apiKey;
}

async function verifiedClaims({ config, clock }: AuthDeps, tokens: Tokens, text: string) {
  const claims = await tokens.verify(text, {
    algorithms: ["HS256"],
    issuer: config.jwtIssuer,
    audience: AUDIENCE,
    requiredClaims: ["sub", "jti", "iat", "exp"],
    currentDate: clock(),
  });
  if (claims === false || !isId(claims.sub) || !isId(claims.jti)) return undefined;
  return { sessionId: claims.jti, userId: claims.sub };
}

async function sessionOf(deps: AuthDeps, { request, jwt: tokens }: Proving, text: string) {
  const claims = await verifiedClaims(deps, tokens, text);
  return claims && findSession(deps, claims.sessionId, claims.userId, contextOf(request).clientAddress);
}

/**
 * Proves who sent a request, once. Throws `unauthenticated`, `account_disabled` or
 * `conflicting_credentials`.
 */
async function prove(deps: AuthDeps, context: Proving): Promise<Actor> {
  const { request } = context;
  const requestContext = contextOf(request);
  if (requestContext.actor !== undefined) return requestContext.actor;
  const text = credentialOf(request);
  if (text === undefined) {
    const reason = "Send Authorization: Bearer <token>, of POST /api/auth/login or an API token.";
    throw failure({ code: "unauthenticated", reason });
  }
  const isApiToken = API_TOKEN.test(text);
  if (isApiToken && !isTokenText(text)) {
    const reason = "This API token is not complete or has a typing error: its checksum is wrong.";
    throw failure({ code: "unauthenticated", reason });
  }
  const found = isApiToken
    ? await findToken(deps, text, contextOf(request).clientAddress)
    : await sessionOf(deps, context, text);
  if (found === undefined) {
    const reason = "This token is not valid or has ended; log in again, or make a new API token.";
    throw failure({ code: "unauthenticated", reason });
  }
  requestContext.actor = found;
  return found;
}

function isSession(actor: Actor): actor is SessionActor {
  return actor.sessionId !== undefined;
}

/**
 * Who may call a route: accounts, also with an API token; only with a password session; only
 * administrators so.
 */
export type Guard = "account" | "session" | "admin";

/**
 * Lets only those in whom the guard means. First in `parse` of a guarded route with a body, so that
 * the answer is 401 or 403 before a byte of it is read: Elysia parses and validates before any
 * macro.
 */
export function requireActor(deps: AuthDeps, guard: Guard) {
  return async (context: Proving): Promise<void> => {
    if (guard === "account") await prove(deps, context);
    else await proveSession(deps, guard)(context);
  };
}

/** `parse` of a guarded route with a JSON body, or with `read` for one that may be left out. */
export function guardedJson(deps: AuthDeps, guard: Guard, read = jsonBody) {
  return [requireActor(deps, guard), read, "application/json" as const];
}

/** Proves a password session, of an administrator where the guard says so; a token gets 403. */
export function proveSession(deps: AuthDeps, guard: "session" | "admin") {
  return async (context: Proving): Promise<SessionActor> => {
    const actor = await prove(deps, context);
    if (!isSession(actor)) throw failure({ code: "session_required" });
    if (guard === "admin" && actor.user.role !== "admin") throw failure({ code: "admin_only" });
    return actor;
  };
}

/**
 * What a route with `reader: true` may show. A type and no interface, because Elysia wants a
 * record.
 */
type Reading = {
  readonly mayRead: MayRead;
  /** Names and patterns of what may be read; undefined: everything. */
  readonly readable: readonly string[] | undefined;
};

async function readingOf(deps: AuthDeps, context: Proving): Promise<Reading> {
  const everything = { mayRead: () => true, readable: undefined };
  if (deps.config.readAccess === "public") return everything;
  const actor = await prove(deps, context);
  requireScope(actor, "read");
  const readable = actor.token?.packages;
  if (readable === undefined) return everything;
  return { mayRead: (name) => coversName(readable, name), readable };
}

/** As much of Elysia's context as an answer needs. */
interface Answering {
  readonly set: { readonly headers: Record<string, string | number | undefined> };
  readonly response: unknown;
}

/**
 * Where not everybody may read, an answer is for who asked: no cache may give it to somebody else.
 */
function keepFromOthers({ config }: Pick<Deps, "config">, { set, response }: Answering): void {
  if (config.readAccess === "public") return;
  const { vary } = set.headers;
  // Not in the response: Elysia would then leave out the `Vary: Origin` of CORS.
  set.headers.vary = `${vary === undefined ? "" : `${vary}, `}Authorization, X-API-Key`;
  if (!(response instanceof Response)) return;
  const { headers } = response;
  if (headers.get("cache-control") === "no-cache") headers.set("cache-control", "private, no-cache");
}

/**
 * Adds the token functions and the macros that guard routes. With `account: true`, `session: true`
 * or `admin: true` a route gets a proved `actor`, or answers 401 or 403; with `reader: true` it
 * gets `mayRead` and `readable`, and where `READ_ACCESS` says so answers 401 to guests. Hooks of a
 * plugin are local in Elysia, so a macro is named on every route that needs it.
 */
export function authentication(deps: AuthDeps) {
  const { config, jwtKey } = deps;
  const sessionFor =
    (guard: "session" | "admin") =>
    async (context: Proving): Promise<{ actor: SessionActor }> => ({ actor: await proveSession(deps, guard)(context) });
  return new Elysia({ name: "authentication" })
    .use(jwt({ name: "jwt", secret: jwtKey.reveal(), alg: "HS256", iss: config.jwtIssuer, aud: AUDIENCE }))
    .macro({
      reader: {
        resolve: (context): Promise<Reading> => readingOf(deps, context),
        afterHandle: (context) => keepFromOthers(deps, context),
      },
      account: { resolve: async (context): Promise<{ actor: Actor }> => ({ actor: await prove(deps, context) }) },
      session: { resolve: sessionFor("session") },
      admin: { resolve: sessionFor("admin") },
    });
}
