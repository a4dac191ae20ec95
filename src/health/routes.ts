import { Elysia, t } from "elysia";
import type { Deps } from "../deps.ts";
import { operation } from "../http/operation.ts";
import { oneOf } from "../http/schemas.ts";
import { READ_ONLY_CAUSES } from "../log/read-only.ts";
import { checkHealth } from "./health.ts";
import { readMetrics, requireMetricsToken } from "./read-metrics.ts";
import type { HealthServices } from "./services.ts";

const METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const ProbeResultSchema = t.Union([t.Literal("ok"), t.Literal("failing")]);

const HealthSchema = t.Object({
  status: t.Union([t.Literal("ok"), t.Literal("unhealthy")]),
  version: t.String(),
  checks: t.Object({ database: ProbeResultSchema, storage: ProbeResultSchema, log: t.Optional(ProbeResultSchema) }),
  readOnly: t.Optional(
    t.Object({
      cause: oneOf(READ_ONLY_CAUSES),
      reason: t.String({ description: "What everybody is told whose change is refused" }),
      since: t.Optional(t.String({ format: "date-time" })),
    }),
  ),
  reasons: t.Optional(t.Array(t.String())),
  warnings: t.Optional(t.Array(t.Union([t.Literal("log_guard_missing"), t.Literal("log_key_missing")]))),
});

/** By their names in /swagger/json. */
export const healthSchemas = { Health: HealthSchema };

const checked = (id: string, summary: string) =>
  operation({
    id,
    summary,
    tag: "operations",
    responses: {
      200: { description: "Healthy", schema: "Health" },
      503: { description: "At least one of the checks is failing", schema: "Health" },
    },
    problems: [],
  });

const docs = {
  health: checked("readHealth", "Check whether database and storage work"),
  ready: checked("readReadiness", "Check whether this server should receive requests"),
  live: operation({
    id: "readLiveness",
    summary: "Check whether the process responds, without database and storage",
    tag: "operations",
    responses: { 200: { description: "Alive", schema: t.Object({ status: t.Literal("ok") }) } },
    problems: [],
  }),
  metrics: operation({
    id: "readMetrics",
    summary: "Read the metrics, for Prometheus",
    tag: "operations",
    auth: "metrics",
    responses: { 200: { description: "Metrics", mediaType: METRICS_MEDIA_TYPE, schema: t.String() } },
    problems: [],
  }),
};

/**
 * Serves `/health` for people, `/health/live` for restarts, `/health/ready` for load balancers, and
 * `/metrics` for Prometheus.
 */
export function healthRoutes(deps: Deps & HealthServices) {
  const respond = async () => {
    const health = await checkHealth(deps);
    return Response.json(health, { status: health.status === "ok" ? 200 : 503 });
  };
  const respondMetrics = async ({ request }: { readonly request: Request }) => {
    requireMetricsToken(deps, request.headers.get("authorization"));
    return new Response(await readMetrics(deps), { headers: { "content-type": METRICS_MEDIA_TYPE } });
  };
  return new Elysia()
    .get("/health", respond, { detail: docs.health })
    .get("/health/ready", respond, { detail: docs.ready })
    .get("/metrics", respondMetrics, { detail: docs.metrics })
    .get("/health/live", () => Response.json({ status: "ok" }), { detail: docs.live });
}
