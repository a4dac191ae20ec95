import { Elysia } from "elysia";
import { authentication, guardedJson, sessionGuard } from "../accounts/authentication.ts";
import { databaseOf } from "../accounts/revalidate.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { optionalJsonBody, strictJsonBody } from "../http/body.ts";
import { jsonResponse } from "../http/conditional-response.ts";
import { contextOf } from "../http/request-context.ts";
import { packageNameParam, readableName } from "../packages/find-package.ts";
import { addPackageKey } from "./add-package-key.ts";
import { cancelReset, cancelResetByKey } from "./cancel-reset.ts";
import { challengeKey } from "./challenge-key.ts";
import { keyDocs } from "./docs.ts";
import { listKeys } from "./list-keys.ts";
import { readPackageKeys } from "./read-package-keys.ts";
import { readPackageLog } from "./read-package-log.ts";
import { registerKey } from "./register-key.ts";
import { removePackageKey } from "./remove-package-key.ts";
import { requestReset } from "./reset-package-keys.ts";
import { retireKey } from "./retire-key.ts";
import {
  AddKeyBody,
  CancelResetBody,
  ChallengeBody,
  PackageLogQuery,
  RegisterKeyBody,
  RemoveKeyBody,
  ResetKeysBody,
  timeOf,
} from "./schemas.ts";
import { upholdReset } from "./uphold-reset.ts";

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
      async ({ actor, db, body, status }) => status(201, await challengeKey({ ...deps, db }, actor, body.publicKey)),
      {
        session: true,
        parse,
        body: ChallengeBody,
        detail: keyDocs.challenge,
      },
    )
    .post(
      "",
      async ({ actor, db, body: { publicKey, nonce, signature, label = "" }, status }) =>
        status(201, await registerKey({ ...deps, db }, actor, { publicKey, nonce, signature, label })),
      {
        session: true,
        parse,
        body: RegisterKeyBody,
        detail: keyDocs.register,
      },
    )
    .delete(
      "/:keyId",
      async ({ actor, db, params }) => {
        await retireKey({ ...deps, db }, actor, params.keyId);
        return new Response(null, { status: 204 });
      },
      { session: true, parse: "none", detail: keyDocs.retire },
    );
}

/**
 * Returns what a key signed to cancel a reset; `undefined` for an owner's cancel. Throws
 * `validation_failed`.
 */
function signedCancel({ previous, at, signature }: typeof CancelResetBody.static) {
  if (previous !== undefined && at !== undefined && signature !== undefined) {
    return { previous, at: timeOf(at), signature };
  }
  const missing = Object.entries({ previous, at, signature }).filter(([, value]) => value === undefined);
  if (missing.length === 3) return undefined;
  const message = "is missing: a key cancels with previous, at and signature, an owner's session with none of them";
  throw failure({ code: "validation_failed", faults: missing.map(([name]) => ({ path: `/${name}`, message })) });
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
      async ({ actor, db, params, body: { publicKey, previous, at, signature, newKeySignature } }) => {
        const addition = { publicKey, previous, at: timeOf(at), signature, newKeySignature };
        await addPackageKey({ ...deps, db }, actor, packageNameParam(params.name), addition);
        return keysOf(params.name);
      },
      { session: true, parse, body: AddKeyBody, detail: keyDocs.add },
    )
    .delete(
      "/:keyId",
      async ({ actor, db, params, body: { previous, at, signature, reason, since } }) => {
        const removal = { keyId: params.keyId, previous, at: timeOf(at), signature, reason, since };
        await removePackageKey({ ...deps, db }, actor, packageNameParam(params.name), removal);
        return keysOf(params.name);
      },
      { session: true, parse: parseRemoval, body: RemoveKeyBody, detail: keyDocs.remove },
    )
    .post(
      "/reset",
      async ({ actor, db, params, body: { publicKey, previous, at, newKeySignature } }) => {
        const reset = { publicKey, previous, at: timeOf(at), newKeySignature };
        await requestReset({ ...deps, db }, actor, packageNameParam(params.name), reset);
        return keysOf(params.name);
      },
      { session: true, parse, body: ResetKeysBody, detail: keyDocs.reset },
    )
    .delete(
      "/reset",
      async (context) => {
        const { params, body, request } = context;
        const name = packageNameParam(params.name);
        const signed = signedCancel(body);
        if (signed === undefined) {
          const actor = await sessionGuard(deps, "session")(context);
          await cancelReset({ ...deps, db: databaseOf(deps, actor, "session") }, actor, name);
        } else {
          // A guest may not read a private registry, and must not learn from refusals what is in
          // it.
          const mayRead = deps.config.readAccess === "public";
          await cancelResetByKey(deps, name, { ...signed, address: contextOf(request).clientAddress, mayRead });
          if (!mayRead) return { ...(await keysOf(params.name)), keys: [], changes: [] };
        }
        return keysOf(params.name);
      },
      {
        parse: [optionalJsonBody, "application/json"],
        body: CancelResetBody,
        detail: keyDocs.cancelReset,
      },
    );
}

/** The route by which administrators uphold a reset of a package's keys. */
export function upholdRoutes(deps: Deps) {
  return new Elysia({ prefix: "/packages/:name/keys/reset/uphold" })
    .use(authentication(deps))
    .put("", ({ actor, db, params }) => upholdReset({ ...deps, db }, actor.origin, packageNameParam(params.name)), {
      admin: true,
      parse: "none",
      detail: keyDocs.upholdReset,
    });
}

/** `/packages/:name/log`: the leaves of a package, with which anybody replays who may sign it. */
export function packageLogRoutes(deps: Deps) {
  return new Elysia({ prefix: "/packages/:name/log" }).use(authentication(deps)).get(
    "",
    async ({ params, query: { version, size, after }, request, mayRead }) => {
      const name = readableName(mayRead, params.name);
      return jsonResponse(request, await readPackageLog(deps, name, { version, size, after }));
    },
    { reader: true, query: PackageLogQuery, detail: keyDocs.log },
  );
}
