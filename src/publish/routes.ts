import { Elysia } from "elysia";
import { requireScope } from "../accounts/actor.ts";
import { authentication } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { linkBase } from "../http/links.ts";
import { rateLimitHeaders } from "../http/rate-limit.ts";
import { versionUrl, versionView } from "../packages/views.ts";
import { publishDoc } from "./docs.ts";
import { measurePublish } from "./measure.ts";
import { type PublishServices, publish } from "./publish.ts";
import { withPublishForm } from "./publish-form.ts";
import { PublishQuery, requirePublishParameters } from "./schemas.ts";

/** Routes of `POST /packages`, which publishes. */
export function publishRoutes(deps: Deps & PublishServices) {
  return new Elysia({ prefix: "/packages" }).use(authentication(deps)).post(
    "",
    ({ request, actor, query }) => {
      requirePublishParameters(new URL(request.url).searchParams);
      requireScope(actor, "publish-new", "publish-update");
      const publicUrl = linkBase(deps.config, request);
      const { dryRun = false, allowSecrets = false } = query;
      return measurePublish(deps, async (timer) =>
        withPublishForm({ ...deps, timer }, request, async (form) => {
          const published = await publish({ ...deps, timer }, { ...form, publisher: actor, dryRun, allowSecrets });
          const { outcome, name, version, proof, limits } = published;
          const location = outcome === "created" ? { location: versionUrl(publicUrl, name, version.row.version) } : {};
          const headers = { ...rateLimitHeaders(limits), ...location };
          return Response.json(
            { ...versionView(publicUrl, name, version), proof: proof ?? null },
            {
              status: outcome === "created" ? 201 : 200,
              headers,
            },
          );
        }),
      );
    },
    { account: true, parse: "none", query: PublishQuery, detail: publishDoc },
  );
}
