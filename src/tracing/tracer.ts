import type { Attributes, Context, Span, SpanContext, Tracer as SpanMaker } from "@opentelemetry/api";
import { Failure } from "../errors.ts";
import { currentSpan, withSpan } from "../runtime/trace-context.ts";

/** What a tracer needs of OpenTelemetry, which is loaded only where traces are on. */
export interface TracerParts {
  readonly spans: SpanMaker;
  readonly serverKind: number;
  readonly errorStatus: number;
  readonly root: Context;
  readonly withParent: (parent: Span | SpanContext) => Context;
  readonly parseTraceParent: (header: string) => SpanContext | null;
  readonly close: () => Promise<void>;
}

/** One request of a client, as its span describes it. */
interface TracedRequest {
  readonly method: string;
  readonly path: string;
  readonly requestId: string;
  readonly traceparent: string | null;
}

/** What is known of a request once it is answered. */
interface TracedAnswer {
  readonly route: string | undefined;
  readonly status: number;
}

/** The name of an error for a span: a code or a class. Messages may hold what nobody should see. */
function errorType(cause: unknown): string {
  if (cause instanceof Failure) return cause.error.code;
  return cause instanceof Error ? cause.name : typeof cause;
}

/** Makes the spans of a process and sends them to a collector. */
export class Tracer {
  constructor(readonly parts: TracerParts) {}

  /**
   * Runs work as a span within the current one. Work that belongs to no request is not traced: the
   * background tasks of a registry would hide its requests.
   */
  async span<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    const parent = currentSpan();
    if (parent === undefined) return work();
    const { spans, withParent, errorStatus } = this.parts;
    const span = spans.startSpan(name, { attributes }, withParent(parent));
    try {
      return await withSpan(span, work);
    } catch (cause) {
      span.setAttribute("error.type", errorType(cause)).setStatus({ code: errorStatus });
      throw cause;
    } finally {
      span.end();
    }
  }

  /**
   * Answers a request as a span: of the trace that its `traceparent` names, else of a new one.
   * `describe` returns what is known of it afterwards.
   */
  async request<T>(
    { method, path, requestId, traceparent }: TracedRequest,
    work: () => Promise<T>,
    describe: (answer: T) => TracedAnswer,
  ): Promise<T> {
    const { spans, root, serverKind, withParent, errorStatus, parseTraceParent } = this.parts;
    const caller = traceparent === null ? null : parseTraceParent(traceparent);
    const attributes = { "http.request.method": method, "url.path": path, "cpm.request_id": requestId };
    const context = caller === null ? root : withParent(caller);
    const span = spans.startSpan(method, { kind: serverKind, attributes }, context);
    try {
      const answer = await withSpan(span, work);
      const { route, status } = describe(answer);
      span.setAttribute("http.response.status_code", status);
      if (route !== undefined) span.updateName(`${method} ${route}`).setAttribute("http.route", route);
      if (status >= 500) span.setStatus({ code: errorStatus });
      return answer;
    } finally {
      span.end();
    }
  }

  /** Sends the spans that are not sent yet. Waits for some seconds at most. */
  close(): Promise<void> {
    return this.parts.close();
  }
}
