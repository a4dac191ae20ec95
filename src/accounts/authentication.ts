import { jwt } from "@elysiajs/jwt";
import { Elysia } from "elysia";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { findSession, type Session } from "./session.ts";

const AUDIENCE = "cpm-registry";
const BEARER = /^Bearer +([^ ]+) *$/i;

function bearerToken(request: Request): string {
  const header = request.headers.get("authorization");
  if (header === null) {
    throw failure({
      code: "unauthenticated",
      reason: "Send Authorization: Bearer <token>; POST /api/auth/login gives one.",
    });
  }
  const token = BEARER.exec(header)?.[1];
  if (token === undefined) throw failure({ code: "unauthenticated", reason: "Authorization must be: Bearer <token>." });
  return token;
}

/** Session and account ids are UUIDs; anything else in their place was not signed by us, and Postgres takes no NUL. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function isId(claim: unknown): claim is string {
  return typeof claim === "string" && ID.test(claim);
}

type Tokens = Pick<ReturnType<typeof jwt>["decorator"]["jwt"], "verify">;

const proved = new WeakMap<Request, Session>();

/**
 * Proves the session of a request, once. First in `parse` of a guarded route with a body, so that the answer is 401
 * before a byte of it is read: Elysia parses and validates before any macro.
 */
export function proveSession({ db, config, clock }: Pick<Deps, "db" | "clock" | "config">) {
  return async ({ request, jwt: tokens }: { readonly request: Request; readonly jwt: Tokens }): Promise<void> => {
    const claims = await tokens.verify(bearerToken(request), {
      algorithms: ["HS256"],
      issuer: config.jwtIssuer,
      audience: AUDIENCE,
      requiredClaims: ["sub", "jti", "iat", "exp"],
      currentDate: clock(),
    });
    const ended = failure({ code: "unauthenticated", reason: "This token is not valid or has ended; log in again." });
    if (claims === false || !isId(claims.sub) || !isId(claims.jti)) throw ended;
    const session = await findSession({ db, clock }, claims.jti, claims.sub);
    if (session === undefined) throw ended;
    proved.set(request, session);
  };
}

/**
 * Adds the token functions and two macros. A route with `session: true` gets a proved `session`, or answers 401; one
 * with `reader: true` answers 401 to guests where `READ_ACCESS` says so. Hooks of a plugin are local in Elysia, so a
 * macro is named on every route that needs it.
 */
export function authentication(deps: Pick<Deps, "db" | "clock" | "config" | "jwtKey">) {
  const { config, jwtKey } = deps;
  const prove = proveSession(deps);
  return new Elysia({ name: "authentication" })
    .use(jwt({ name: "jwt", secret: jwtKey.reveal(), alg: "HS256", iss: config.jwtIssuer, aud: AUDIENCE }))
    .macro({
      reader: config.readAccess === "authenticated" ? { beforeHandle: prove } : {},
      session: {
        resolve: async (context): Promise<{ session: Session }> => {
          if (!proved.has(context.request)) await prove(context);
          const session = proved.get(context.request);
          if (session === undefined) throw new Error("A proved session is gone");
          return { session };
        },
      },
    });
}
