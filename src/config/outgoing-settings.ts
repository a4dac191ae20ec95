import type { Setting } from "./setting.ts";

/** Settings of metrics and traces. */
export const TELEMETRY = {
  METRICS_TOKEN: {
    group: "Metrics and traces",
    type: "text",
    secret: true,
    description:
      "The bearer token of `GET /metrics`, at least 16 characters: `openssl rand -base64 24`. Without it, nobody can read the metrics",
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    group: "Metrics and traces",
    type: "text",
    defaultText: "no traces",
    description:
      "The collector that traces are sent to by OTLP over HTTP, such as `http://localhost:4318`. `/v1/traces` is added",
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    group: "Metrics and traces",
    type: "list",
    secret: true,
    description: "Headers for the collector, each as `<name>=<value>` with a percent-encoded value",
  },
  OTEL_TRACES_SAMPLER_ARG: {
    group: "Metrics and traces",
    type: "text",
    default: "1",
    description:
      "The share of requests that are traced, from 0 to 1. Where the caller sends a `traceparent`, it decides instead",
  },
} as const satisfies Record<string, Setting>;

/** Settings of webhooks. */
export const WEBHOOKS = {
  WEBHOOK_ALLOWED_HOSTS: {
    group: "Webhooks",
    type: "list",
    description:
      "Hosts that webhooks may reach although their address is internal, and by `http` too: names and IP addresses such as `ci.internal, 10.0.0.5`. All other webhooks need `https` and an address of the public Internet",
  },
} as const satisfies Record<string, Setting>;
