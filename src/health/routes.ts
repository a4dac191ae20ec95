import { Elysia, t } from "elysia";
import type { Deps } from "../deps.ts";
import { operation } from "../http/operation.ts";
import { oneOf } from "../http/schemas.ts";
import { READ_ONLY_CAUSES } from "../log/read-only.ts";
import type { Counts } from "../runtime/logger.ts";
import { checkHealth } from "./health.ts";
import type { HealthServices } from "./services.ts";

const METRICS_MEDIA_TYPE = "text/plain; version=0.0.4";

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
    summary: "Read how often each warning and error occurred since the start, for Prometheus",
    tag: "operations",
    responses: { 200: { description: "Counters", mediaType: METRICS_MEDIA_TYPE, schema: t.String() } },
    problems: [],
  }),
};

/**
 * Writes the counters in Prometheus' text format. Names of events are words of this program, so
 * nothing needs escaping.
 */
function metricsText(counts: Counts): string {
  const name = "cpm_registry_events_total";
  const lines = [...counts].map(([event, count]) => `${name}{event="${event}"} ${count}\n`);
  return `# HELP ${name} Warnings and errors since the start, by the name of their log event.\n# TYPE ${name} counter\n${lines.join("")}`;
}

/**
 * Serves `/health` for people, `/health/live` for restarts, `/health/ready` for load balancers, and
 * `/metrics` for alerts.
 */
export function healthRoutes(deps: Deps & HealthServices) {
  const respond = async () => {
    const health = await checkHealth(deps);
    return Response.json(health, { status: health.status === "ok" ? 200 : 503 });
  };
  const readMetrics = async () => {
    const counts = await (deps.totalCounts?.() ?? deps.logger.counts);
    return new Response(metricsText(counts), { headers: { "content-type": METRICS_MEDIA_TYPE } });
  };
  return new Elysia()
    .get("/health", respond, { detail: docs.health })
    .get("/health/ready", respond, { detail: docs.ready })
    .get("/metrics", readMetrics, { detail: docs.metrics })
    .get("/health/live", () => Response.json({ status: "ok" }), { detail: docs.live });
}
