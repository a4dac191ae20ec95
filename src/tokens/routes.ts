import { Elysia } from "elysia";
import { authentication, guardedJson } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { optionalJsonBody } from "../http/body.ts";
import { BODY_PROBLEMS, operation } from "../http/operation.ts";
import { createToken } from "./create-token.ts";
import { listTokens } from "./list-tokens.ts";
import { revokeToken } from "./revoke-token.ts";
import { CreateTokenBody, PUBLISHER_SCOPES, PublisherTokenBody, TOKEN_DEFAULTS } from "./schemas.ts";

const docs = {
  list: operation({
    id: "listTokens",
    summary: "The API tokens of this account",
    tag: "accounts",
    auth: "session",
    responses: { 200: { description: "The tokens, without their texts", schema: "ApiTokenList" } },
    problems: [],
  }),
  create: operation({
    id: "createToken",
    summary: "Make an API token",
    description: "For scripts and CI: send it as Authorization: Bearer cpm_… or as X-API-Key.",
    tag: "accounts",
    auth: "session",
    responses: { 201: { description: "The token. Its text is shown only here", schema: "NewApiToken" } },
    problems: ["limit_reached", "storage_full", ...BODY_PROBLEMS],
  }),
  createForPublishing: operation({
    id: "createPublisherToken",
    summary: "Make an API token for publishing",
    description:
      "An alias of POST /api/auth/tokens in which every field may be left out: scopes default to those of a publisher, label to the date.",
    tag: "accounts",
    auth: "session",
    responses: { 201: { description: "The token. Its text is shown only here", schema: "NewApiToken" } },
    problems: ["limit_reached", "storage_full", ...BODY_PROBLEMS],
  }),
  revoke: operation({
    id: "revokeToken",
    summary: "Revoke an API token",
    tag: "accounts",
    auth: "session",
    responses: { 204: { description: "The token is revoked" } },
    problems: ["token_not_found", "storage_full"],
  }),
};

/** Routes of `/auth/token`, which makes a token that can publish. */
export function publisherTokenRoutes(deps: Deps) {
  return new Elysia({ prefix: "/auth/token" }).use(authentication(deps)).post(
    "",
    async ({ actor, db, body, status }) => {
      const {
        label = `token of ${deps.clock().toISOString().slice(0, 10)}`,
        scopes = PUBLISHER_SCOPES,
        packages = TOKEN_DEFAULTS.packages,
        expiresInDays = TOKEN_DEFAULTS.expiresInDays,
      } = body;
      const request = { label, scopes, packages, expiresInDays };
      return status(201, await createToken({ ...deps, db }, actor, request));
    },
    {
      session: true,
      parse: guardedJson(deps, "session", optionalJsonBody),
      body: PublisherTokenBody,
      detail: docs.createForPublishing,
    },
  );
}

/** Routes of `/auth/tokens`: API tokens for scripts. A token cannot make tokens. */
export function tokenRoutes(deps: Deps) {
  return new Elysia({ prefix: "/auth/tokens" })
    .use(authentication(deps))
    .get("", async ({ actor }) => ({ items: await listTokens(deps, actor) }), { session: true, detail: docs.list })
    .post(
      "",
      async ({ actor, db, body, status }) => {
        const {
          label,
          scopes,
          packages = TOKEN_DEFAULTS.packages,
          expiresInDays = TOKEN_DEFAULTS.expiresInDays,
        } = body;
        return status(201, await createToken({ ...deps, db }, actor, { label, scopes, packages, expiresInDays }));
      },
      {
        session: true,
        parse: guardedJson(deps, "session"),
        body: CreateTokenBody,
        detail: docs.create,
      },
    )
    .delete(
      "/:id",
      async ({ actor, db, params }) => {
        await revokeToken({ ...deps, db }, actor, params.id);
        return new Response(null, { status: 204 });
      },
      { session: true, parse: "none", detail: docs.revoke },
    );
}
