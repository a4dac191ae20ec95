import { createHmac, timingSafeEqual } from "node:crypto";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import type { Visit } from "./visit.ts";

/** The name of the hidden field that every form of a visitor has. */
export const FORM_TOKEN_FIELD = "form-token";

/**
 * Makes the tokens of the forms of a session. Nobody else can make them, and they end with it. Forms
 * get the first one; the others are those of forms that were open when the key was replaced.
 */
export function formTokensOf({ jwtKeys }: Pick<Deps, "jwtKeys">, sessionId: string): string[] {
  const text = `cpm-registry-form/v1\n${sessionId}`;
  return jwtKeys.reveal().map((key) => createHmac("sha256", key).update(text).digest("base64url"));
}

/**
 * Throws `form_refused` if a page of another site sent the form. Browsers send `Origin` with every
 * POST, and most of them `Sec-Fetch-Site`; text browsers send neither, and have no scripts that a
 * site could use. The host that the browser used is as good as `PUBLIC_URL`: a page of another site
 * cannot choose it.
 */
export function requireOwnPage({ request, base }: Pick<Visit, "request" | "base">): void {
  const { headers, url } = request;
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  const isOwn = origin === null || origin === new URL(base).origin || URL.parse(origin)?.host === new URL(url).host;
  if (!isOwn || (site !== null && site !== "same-origin" && site !== "none")) throw failure({ code: "form_refused" });
}

/** Throws `form_refused` unless the form has a token of the visitor's session. */
export function requireFormToken({ formTokens }: Pick<Visit, "formTokens">, form: URLSearchParams): void {
  const sent = Buffer.from(form.get(FORM_TOKEN_FIELD) ?? "");
  const isRight = formTokens.some((token) => {
    const expected = Buffer.from(token);
    return sent.length === expected.length && timingSafeEqual(sent, expected);
  });
  if (!isRight) throw failure({ code: "form_refused" });
}
