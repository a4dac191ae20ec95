import { AsyncLocalStorage } from "node:async_hooks";
import type { Span } from "@opentelemetry/api";

const storage = new AsyncLocalStorage<Span>();

/** Runs work as a part of a span: what it logs and sends to other servers names the trace. */
export function withSpan<T>(span: Span, work: () => T): T {
  return storage.run(span, work);
}

/** Returns the span that the caller is a part of. Undefined where nothing is traced. */
export function currentSpan(): Span | undefined {
  return storage.getStore();
}

/** The header by which another server continues the current trace (W3C Trace Context). */
export function traceHeaders(): Readonly<Record<string, string>> {
  const span = currentSpan();
  if (span === undefined) return {};
  const { traceId, spanId, traceFlags } = span.spanContext();
  return { traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}` };
}
