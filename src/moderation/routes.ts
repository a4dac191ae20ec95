import { Elysia } from "elysia";
import { authentication, guardedJson } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { JSON_TYPE } from "../http/conditional-response.ts";
import { linkBase, withLinkBase } from "../http/links.ts";
import { BODY_PROBLEMS, operation } from "../http/operation.ts";
import { packageNameParam } from "../packages/find-package.ts";
import { packageJson } from "../packages/read.ts";
import { allowName } from "./allow-name.ts";
import { quarantinePackage, quarantineVersion } from "./quarantine.ts";
import { nameParam, QuarantineBody } from "./schemas.ts";

const PACKAGE = {
  responses: { 200: { description: "The package", schema: "Package" } },
  problems: ["package_not_found", "taken_down", "log_rollback", "storage_full"],
} as const;
const VERSION = {
  responses: { 200: { description: "The version", schema: "Version" } },
  problems: ["package_not_found", "version_not_found", "taken_down", "log_rollback", "storage_full"],
} as const;

const docs = {
  quarantinePackage: operation({
    id: "quarantinePackage",
    summary: "Quarantine a package",
    description:
      "Its contents are refused with 403 and the reason, and it is in no list. Its metadata stays readable. The log records the category.",
    tag: "packages",
    auth: "admin",
    ...PACKAGE,
    problems: [...PACKAGE.problems, ...BODY_PROBLEMS],
  }),
  releasePackage: operation({
    id: "releasePackage",
    summary: "Release a package from quarantine",
    tag: "packages",
    auth: "admin",
    ...PACKAGE,
  }),
  quarantineVersion: operation({
    id: "quarantineVersion",
    summary: "Quarantine a version",
    description:
      "Its contents are refused with 403 and the reason, and it is never latest. Its metadata stays readable. The log records the category.",
    tag: "packages",
    auth: "admin",
    ...VERSION,
    problems: [...VERSION.problems, ...BODY_PROBLEMS],
  }),
  releaseVersion: operation({
    id: "releaseVersion",
    summary: "Release a version from quarantine",
    tag: "packages",
    auth: "admin",
    ...VERSION,
  }),
  allowName: operation({
    id: "allowName",
    summary: "Allow a name although it resembles a popular one",
    tag: "packages",
    auth: "admin",
    responses: { 204: { description: "The name may be published" } },
    problems: ["validation_failed", "storage_full"],
  }),
};

/** Picks the fields of a body. */
function quarantineOf({ reason, category }: typeof QuarantineBody.static) {
  return { reason, category };
}

/**
 * Routes of the quarantine of packages and versions, for administrators with a password session.
 */
export function quarantineRoutes(deps: Deps) {
  const quarantine = { admin: true, parse: guardedJson(deps, "admin"), body: QuarantineBody } as const;
  const release = { admin: true, parse: "none" } as const;
  const changed = async (request: Request, change: ReturnType<typeof quarantinePackage>) => {
    const text = await packageJson(linkBase(deps.config, request), await change);
    return new Response(text, { headers: { "content-type": JSON_TYPE } });
  };
  return new Elysia({ prefix: "/packages" })
    .use(authentication(deps))
    .put(
      "/:name/quarantine",
      ({ params, actor, db, body, request }) =>
        changed(
          request,
          quarantinePackage({ ...deps, db }, actor.origin, packageNameParam(params.name), quarantineOf(body)),
        ),
      { ...quarantine, detail: docs.quarantinePackage },
    )
    .delete(
      "/:name/quarantine",
      ({ params, actor, db, request }) =>
        changed(request, quarantinePackage({ ...deps, db }, actor.origin, packageNameParam(params.name), undefined)),
      { ...release, detail: docs.releasePackage },
    )
    .put(
      "/:name/:version/quarantine",
      ({ params, actor, db, body, request }) =>
        quarantineVersion(
          { ...withLinkBase(deps, request), db },
          actor.origin,
          packageNameParam(params.name),
          params.version,
          quarantineOf(body),
        ),
      { ...quarantine, detail: docs.quarantineVersion },
    )
    .delete(
      "/:name/:version/quarantine",
      ({ params, actor, db, request }) =>
        quarantineVersion(
          { ...withLinkBase(deps, request), db },
          actor.origin,
          packageNameParam(params.name),
          params.version,
          undefined,
        ),
      { ...release, detail: docs.releaseVersion },
    );
}

/**
 * Routes of `/admin/allowed-names`: names that may be published although they resemble popular
 * ones.
 */
export function allowedNameRoutes(deps: Deps) {
  return new Elysia({ prefix: "/admin/allowed-names" }).use(authentication(deps)).put(
    "/:name",
    async ({ params, actor, db }) => {
      await allowName({ ...deps, db }, actor.origin, nameParam(params.name));
      return new Response(null, { status: 204 });
    },
    { admin: true, parse: "none", detail: docs.allowName },
  );
}
