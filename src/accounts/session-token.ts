import { createHmac } from "node:crypto";
import type { Deps } from "../deps.ts";
import { type NewSession, SESSION_SECONDS } from "./login.ts";

/** Whom session tokens are for, as their claim `aud` says. */
export const AUDIENCE = "cpm-registry";

const HEADER = encoded({ alg: "HS256", typ: "JWT" });

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

/**
 * Signs the token of a new session (RFC 7515 §3.1, RFC 7519 §4.1). `@elysiajs/jwt` verifies tokens,
 * but it would take `iat` from another clock than the one that `iat` is compared with.
 */
export function sessionToken({ config, jwtKeys }: Pick<Deps, "config" | "jwtKeys">, session: NewSession): string {
  const { id, user, expiresAt } = session;
  const exp = expiresAt.getTime() / 1_000;
  const who = { sub: user.id, userId: user.id, name: user.username, role: user.role, jti: id };
  const claims = { aud: AUDIENCE, iss: config.jwtIssuer, ...who, iat: exp - SESSION_SECONDS, exp };
  const input = `${HEADER}.${encoded(claims)}`;
  return `${input}.${createHmac("sha256", jwtKeys.reveal()[0]).update(input).digest("base64url")}`;
}
