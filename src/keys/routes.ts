import { Elysia } from "elysia";
import { authenticateSession, authentication, guardedJson } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { optionalJsonBody, strictJsonBody } from "../http/body.ts";
import { jsonResponse } from "../http/conditional-response.ts";
import { contextOf } from "../http/request-context.ts";
import { packageNameParam, readableName } from "../packages/find-package.ts";
import { addPackageKey } from "./add-package-key.ts";
import { cancelReset } from "./cancel-reset.ts";
import { challengeKey } from "./challenge-key.ts";
import { keyDocs } from "./docs.ts";
import { listKeys } from "./list-keys.ts";
import { readPackageKeys } from "./read-package-keys.ts";
import { registerKey } from "./register-key.ts";
import { removePackageKey } from "./remove-package-key.ts";
import { requestReset } from "./reset-package-keys.ts";
import { retireKey } from "./retire-key.ts";
import {
  AddKeyBody,
  CancelResetBody,
  ChallengeBody,
  RegisterKeyBody,
  RemoveKeyBody,
  ResetKeysBody,
} from "./schemas.ts";

/**
 * The routes of an account's signing keys. They need a session: a thief with an API token must not
 * bring a key.
 */
export function accountKeyRoutes(deps: Deps) {
  const parse = guardedJson(deps, "session");
  return new Elysia({ prefix: "/auth/keys" })
    .use(authentication(deps))
    .get("", async ({ actor }) => ({ items: await listKeys(deps, actor) }), { session: true, detail: keyDocs.list })
    .post(
      "/challenge",
      async ({ actor, body, status }) => status(201, await challengeKey(deps, actor, body.publicKey)),
      {
        session: true,
        parse,
        body: ChallengeBody,
        detail: keyDocs.challenge,
      },
    )
    .post("", async ({ actor, body, status }) => status(201, await registerKey(deps, actor, { label: "", ...body })), {
      session: true,
      parse,
      body: RegisterKeyBody,
      detail: keyDocs.register,
    })
    .delete(
      "/:keyId",
      async ({ actor, params }) => {
        await retireKey(deps, actor, params.keyId);
        return new Response(null, { status: 204 });
      },
      { session: true, parse: "none", detail: keyDocs.retire },
    );
}

/**
 * Returns the signed cancellation of an old key, or undefined if an owner's session cancels. Throws
 * `validation_failed`.
 */
function signedCancel({ previous, signature }: typeof CancelResetBody.static) {
  if (previous !== undefined && signature !== undefined) return { previous, signature };
  if (previous === undefined && signature === undefined) return undefined;
  const path = previous === undefined ? "/previous" : "/signature";
  const message =
    "is missing: send both previous and signature to cancel with a key, or neither to cancel with an owner's session";
  throw failure({ code: "validation_failed", faults: [{ path, message }] });
}

/** The routes of a package's signing keys. */
export function packageKeyRoutes(deps: Deps) {
  const parse = guardedJson(deps, "session");
  const parseRemoval = guardedJson(deps, "session", strictJsonBody(RemoveKeyBody));
  const keysOf = (text: string) => readPackageKeys(deps, packageNameParam(text));
  return new Elysia({ prefix: "/packages/:name/keys" })
    .use(authentication(deps))
    .get(
      "",
      async ({ params, request, mayRead }) =>
        jsonResponse(request, await readPackageKeys(deps, readableName(mayRead, params.name))),
      { reader: true, detail: keyDocs.read },
    )
    .post(
      "",
      async ({ actor, params, body }) => {
        await addPackageKey(deps, actor, packageNameParam(params.name), body);
        return keysOf(params.name);
      },
      { session: true, parse, body: AddKeyBody, detail: keyDocs.add },
    )
    .delete(
      "/:keyId",
      async ({ actor, params, body }) => {
        await removePackageKey(deps, actor, packageNameParam(params.name), {
          since: undefined,
          ...body,
          keyId: params.keyId,
        });
        return keysOf(params.name);
      },
      { session: true, parse: parseRemoval, body: RemoveKeyBody, detail: keyDocs.remove },
    )
    .post(
      "/reset",
      async ({ actor, params, body }) => {
        await requestReset(deps, actor, packageNameParam(params.name), body);
        return keysOf(params.name);
      },
      { session: true, parse, body: ResetKeysBody, detail: keyDocs.reset },
    )
    .delete(
      "/reset",
      async (context) => {
        const { params, body, request, mayRead } = context;
        const name = readableName(mayRead, params.name);
        const signed = signedCancel(body);
        const canceller =
          signed === undefined
            ? { owner: await authenticateSession(deps, "session")(context) }
            : { address: contextOf(request).clientAddress, ...signed };
        await cancelReset(deps, canceller, name);
        return keysOf(params.name);
      },
      {
        reader: true,
        parse: [optionalJsonBody, "application/json"],
        body: CancelResetBody,
        detail: keyDocs.cancelReset,
      },
    );
}
