import type { TraceConfig } from "../config/telemetry.ts";
import type { Logger } from "../runtime/logger.ts";
import { BUILD } from "../runtime/version.ts";
import { Tracer } from "./tracer.ts";

const EXPORT_MAX_MS = 5_000;
const CLOSE_MAX_MS = 3_000;
/** Spans that wait to be sent. More are dropped, so a collector that is gone costs no memory. */
const WAITING_MAX = 2_048;

/**
 * Opens a tracer that sends spans to a collector by OTLP over HTTP, in the background. A collector
 * that does not take them is logged as `trace_export_failing`, and harms no request. OpenTelemetry
 * is loaded here and nowhere else.
 */
export async function openTracer({ endpoint, headers, ratio }: TraceConfig, logger: Logger): Promise<Tracer> {
  const [{ ROOT_CONTEXT, SpanKind, SpanStatusCode, trace }, { ExportResultCode, parseTraceParent }] = await Promise.all(
    [import("@opentelemetry/api"), import("@opentelemetry/core")],
  );
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/sdk-trace-base"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]);
  const url = `${endpoint}/v1/traces`;
  const sender = new OTLPTraceExporter({ url, headers: headers.reveal(), timeoutMillis: EXPORT_MAX_MS });
  const exporter = {
    export: (...[spans, done]: Parameters<typeof sender.export>) =>
      sender.export(spans, (result) => {
        if (result.code !== ExportResultCode.SUCCESS) logger.warn("trace_export_failing", { spans: spans.length });
        done(result);
      }),
    shutdown: () => sender.shutdown(),
  };
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "cpm-registry", "service.version": BUILD.version }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter, { maxQueueSize: WAITING_MAX })],
  });
  return new Tracer({
    spans: provider.getTracer("cpm-registry", BUILD.version),
    serverKind: SpanKind.SERVER,
    errorStatus: SpanStatusCode.ERROR,
    root: ROOT_CONTEXT,
    withParent: (parent) =>
      "spanContext" in parent ? trace.setSpan(ROOT_CONTEXT, parent) : trace.setSpanContext(ROOT_CONTEXT, parent),
    parseTraceParent,
    // What could not be sent is logged above.
    close: () => Promise.race([provider.shutdown().catch(() => undefined), Bun.sleep(CLOSE_MAX_MS)]),
  });
}
