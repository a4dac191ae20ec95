import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { jsonResponse } from "../http/conditional-response.ts";
import { operation } from "../http/operation.ts";
import { readableName } from "../packages/find-package.ts";
import { readEvents, readPackageEvents } from "./read-events.ts";
import { EventsQuery, LIMIT_DEFAULT } from "./schemas.ts";

const ORDER = "In the order in which they became final: who goes on after `next` misses none.";

const docs = {
  all: operation({
    id: "listEvents",
    summary: "Every change of state",
    description: ORDER,
    tag: "operations",
    auth: "admin",
    answers: { 200: { description: "The events that follow", schema: "EventList" } },
    problems: ["validation_failed"],
  }),
  ofPackage: operation({
    id: "listPackageEvents",
    summary: "Every change of a package",
    description: ORDER,
    tag: "packages",
    auth: "reader",
    answers: {
      200: { description: "The events that follow", schema: "PackageEventList", headers: ["ETag"] },
      304: { description: "Unchanged" },
    },
    problems: ["package_not_found", "validation_failed"],
  }),
};

const FIRST = { after: 0, limit: LIMIT_DEFAULT };

/** `/events`: the audit feed, for administrators. */
export function eventRoutes(deps: Deps) {
  return new Elysia({ prefix: "/events" })
    .use(authentication(deps))
    .get("", ({ query }) => readEvents(deps, { ...FIRST, ...query }), {
      admin: true,
      query: EventsQuery,
      detail: docs.all,
    });
}

/** `/packages/:name/events`: what happened to a package, for whoever may read it. */
export function packageEventRoutes(deps: Deps) {
  return new Elysia({ prefix: "/packages/:name/events" }).use(authentication(deps)).get(
    "",
    async ({ params, query, request, mayRead }) => {
      const name = readableName(mayRead, params.name);
      return jsonResponse(request, await readPackageEvents(deps, name, { ...FIRST, ...query }));
    },
    { reader: true, query: EventsQuery, detail: docs.ofPackage },
  );
}
