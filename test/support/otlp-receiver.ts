/** A span as OTLP has it in JSON. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly isError: boolean;
}

interface OtlpSpan extends Omit<ReceivedSpan, "attributes" | "isError"> {
  readonly attributes: readonly { key: string; value: { stringValue?: string; intValue?: number } }[];
  readonly status?: { readonly code?: number };
}

/** A collector for traces: OTLP over HTTP, in JSON. `status` is what it answers. */
export function startOtlpReceiver() {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const receiver = { spans, bodies, requests: [] as Request[], status: 200, url: "", stop: () => server.stop(true) };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      receiver.requests.push(request);
      const body = await request.text();
      bodies.push(body);
      const { resourceSpans } = JSON.parse(body);
      if (receiver.status !== 200) return new Response(null, { status: receiver.status });
      for (const { scopeSpans } of resourceSpans) {
        for (const span of scopeSpans.flatMap(({ spans: sent }: { spans: OtlpSpan[] }) => sent))
          spans.push(spanOf(span));
      }
      return Response.json({});
    },
  });
  receiver.url = `http://127.0.0.1:${server.port}`;
  return receiver;
}

function spanOf({ attributes, status, ...span }: OtlpSpan): ReceivedSpan {
  const pairs = attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]);
  return { ...span, attributes: Object.fromEntries(pairs), isError: status?.code === 2 };
}
