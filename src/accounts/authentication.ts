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

/**
 * Adds the token functions and the `session` macro. A route with `session: true` gets a proved `session`, or answers
 * 401 before its body is read. Hooks of a plugin are local in Elysia, so the macro is named on every route that needs it.
 */
export function authentication(deps: Pick<Deps, "db" | "clock" | "config" | "jwtKey">) {
  const { config, clock, jwtKey } = deps;
  return new Elysia({ name: "authentication" })
    .use(jwt({ name: "jwt", secret: jwtKey.reveal(), alg: "HS256", iss: config.jwtIssuer, aud: AUDIENCE }))
    .macro({
      session: {
        resolve: async ({ request, jwt: tokens }): Promise<{ session: Session }> => {
          const claims = await tokens.verify(bearerToken(request), {
            algorithms: ["HS256"],
            issuer: config.jwtIssuer,
            audience: AUDIENCE,
            requiredClaims: ["sub", "jti", "iat", "exp"],
            currentDate: clock(),
          });
          const ended = failure({
            code: "unauthenticated",
            reason: "This token is not valid or has ended; log in again.",
          });
          if (claims === false || claims.sub === undefined || claims.jti === undefined) throw ended;
          const session = await findSession(deps, claims.jti, claims.sub);
          if (session === undefined) throw ended;
          return { session };
        },
      },
    });
}
