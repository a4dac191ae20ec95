import { Elysia } from "elysia";
import { authentication, guardedJson } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { optionalJsonBody } from "../http/body.ts";
import { jsonResponse } from "../http/conditional-response.ts";
import { BODY_PROBLEMS, operation } from "../http/operation.ts";
import type { OwnerKeyRemoval } from "../keys/owner-keys.ts";
import { OwnerKeysBody, timeOf } from "../keys/schemas.ts";
import { packageNameParam, readableName } from "../packages/find-package.ts";
import { addOwner } from "./add-owner.ts";
import { listInvitations } from "./list-invitations.ts";
import { listOwners } from "./list-owners.ts";
import { removeOwner } from "./remove-owner.ts";

const changed = { 200: { description: "The owners and open invitations now", schema: "Owners" } };
const REMOVAL_PROBLEMS = [
  "package_not_found",
  "user_not_found",
  "not_an_owner",
  "last_owner",
  "session_required",
  "key_not_found",
  "key_exists",
  "last_key",
  "reset_pending",
  "key_change_outdated",
  "signature_invalid",
  "log_rollback",
  "storage_full",
] as const;
const docs = {
  list: operation({
    id: "listOwners",
    summary: "The owners of a package and who is invited",
    tag: "packages",
    auth: "reader",
    responses: {
      200: { description: "Owners and open invitations", schema: "Owners", headers: ["ETag"] },
      304: { description: "Unchanged" },
    },
    problems: ["package_not_found"],
  }),
  add: operation({
    id: "addOwner",
    summary: "Invite an account to own a package, or accept",
    description:
      "An owner invites another account for 30 days, and invites again to renew. The invited account accepts by sending the same request for itself.",
    tag: "packages",
    auth: "account",
    responses: changed,
    problems: ["package_not_found", "user_not_found", "not_an_owner", "limit_reached", "storage_full"],
  }),
  remove: operation({
    id: "removeOwner",
    summary: "Remove an owner, leave, or withdraw or decline an invitation",
    description:
      "The answer lists the account's keys that may still sign the package: each can cancel a reset. An owner's session removes them in the same request, with a signature of a key that may sign over cpm-key-change/v2 (remove, superseded) for each. `previous` of the first is that of the package's keys, of each later one the SHA-256 of the leaf before.",
    tag: "packages",
    auth: "account",
    responses: { 200: { description: "The owners now, and what keys are left", schema: "OwnerRemoved" } },
    problems: [...REMOVAL_PROBLEMS, ...BODY_PROBLEMS],
  }),
  invitations: operation({
    id: "listInvitations",
    summary: "The packages this account is invited to own",
    description: "An API token with the scope owners lists the invitations that it may accept.",
    tag: "accounts",
    auth: "account",
    responses: { 200: { description: "The open invitations", schema: "InvitationList" } },
    problems: [],
  }),
};

/** Picks the fields of a body. */
function removalsIn({ keys = [] }: typeof OwnerKeysBody.static): OwnerKeyRemoval[] {
  return keys.map(({ keyId, previous, at, signature }, index) => {
    return { keyId, previous, at: timeOf(at, `/keys/${index}/at`), signature };
  });
}

/** Routes of `/packages/{name}/owners`: the owners of a package. */
export function ownerRoutes(deps: Deps) {
  return new Elysia({ prefix: "/packages/:name/owners" })
    .use(authentication(deps))
    .get(
      "",
      async ({ params, request, mayRead }) =>
        jsonResponse(request, await listOwners(deps, readableName(mayRead, params.name))),
      { reader: true, detail: docs.list },
    )
    .put(
      "/:username",
      ({ params, actor, db }) => addOwner({ ...deps, db }, actor, packageNameParam(params.name), params.username),
      {
        account: true,
        parse: "none",
        detail: docs.add,
      },
    )
    .delete(
      "/:username",
      ({ params, actor, db, body }) =>
        removeOwner({ ...deps, db }, actor, packageNameParam(params.name), params.username, removalsIn(body)),
      {
        account: true,
        parse: guardedJson(deps, "account", optionalJsonBody),
        body: OwnerKeysBody,
        detail: docs.remove,
      },
    );
}

/** Routes of `/auth/invitations`: the invitations of an account. */
export function invitationRoutes(deps: Deps) {
  return new Elysia({ prefix: "/auth/invitations" })
    .use(authentication(deps))
    .get("", async ({ actor }) => ({ items: await listInvitations(deps, actor) }), {
      account: true,
      detail: docs.invitations,
    });
}
