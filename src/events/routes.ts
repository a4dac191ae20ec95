import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { jsonResponse } from "../http/conditional-response.ts";
import { operation } from "../http/operation.ts";
import { readableName } from "../packages/find-package.ts";
import { readEvents, readPackageEvents } from "./read-events.ts";
import { EventsQuery, LIMIT_DEFAULT } from "./schemas.ts";

const ORDER = "Events are in the order in which they became final. A client that continues after `next` misses none.";

const docs = {
  all: operation({
    id: "listEvents",
    summary: "List the changes of state",
    description: ORDER,
    tag: "operations",
    auth: "admin",
    responses: { 200: { description: "The events after `after`", schema: "EventList" } },
    problems: ["validation_failed"],
  }),
  ofPackage: operation({
    id: "listPackageEvents",
    summary: "List the changes of a package",
    description: ORDER,
    tag: "packages",
    auth: "reader",
    responses: {
      200: { description: "The events after `after`", schema: "PackageEventList", headers: ["ETag"] },
      304: { description: "Not modified" },
    },
    problems: ["package_not_found", "validation_failed"],
  }),
};

const FIRST = { after: 0, limit: LIMIT_DEFAULT };

/** Serves `/events`, the audit feed for administrators. */
export function eventRoutes(deps: Deps) {
  return new Elysia({ prefix: "/events" })
    .use(authentication(deps))
    .get("", ({ query }) => readEvents(deps, { ...FIRST, ...query }), {
      admin: true,
      query: EventsQuery,
      detail: docs.all,
    });
}

/** Serves `/packages/:name/events`, the history of a package for its readers. */
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
