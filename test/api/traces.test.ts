import { beforeAll, describe, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { type FakeS3, startFakeS3 } from "../support/fake-s3.ts";
import { type ReceivedSpan, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { type DatabaseKind, startRegistry, type TestRegistry } from "../support/registry.ts";

const CALLER = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const TRACEPARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`;

type Receiver = ReturnType<typeof startOtlpReceiver>;

/** A registry with traces, on S3, that is stopped to have its spans sent. */
interface Traced {
  readonly registry: TestRegistry;
  readonly receiver: Receiver;
  readonly fake: FakeS3;
  /** Stops the registry and returns the spans of the caller's trace. */
  end(): Promise<ReceivedSpan[]>;
}

async function startTraced(kind: DatabaseKind, env: Readonly<Record<string, string>> = {}): Promise<Traced> {
  const [receiver, fake] = [startOtlpReceiver(), await startFakeS3()];
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  const registry = await startRegistry(kind, { env: { ...fake.settings(), ...endpoint, ...env } });
  const end = async () => {
    await registry.stop();
    await receiver.stop();
    await fake.stop();
    return receiver.spans.filter(({ traceId }) => traceId === CALLER.traceId);
  };
  return { registry, receiver, fake, end };
}

const named = (spans: readonly ReceivedSpan[], name: string) => {
  const found = spans.find((span) => span.name === name);
  if (found === undefined) throw new Error(`No span ${name} in ${spans.map((span) => span.name)}`);
  return found;
};

for (const kind of ["sqlite", "postgres"] as const) {
  describe(`the trace of a publish (${kind})`, () => {
    let spans: ReceivedSpan[] = [];
    let fake: FakeS3;
    beforeAll(async () => {
      const {
        registry,
        end,
        fake: bucket,
      } = await startTraced(kind, {
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20collector",
      });
      fake = bucket;
      const { token } = await newAccount(registry);
      const publisher = new Client(registry.url, token);
      const headers = { traceparent: TRACEPARENT };
      const archive = makePackage({ name: "traced", version: "1.0.0" });
      expect((await publisher.publish("traced", "1.0.0", archive, makeKey(), headers)).status).toBe(201);
      spans = await end();
    });

    test("continues the trace of the caller, and names the route and not the path", () => {
      const request = named(spans, "POST /api/packages");
      expect(request.parentSpanId).toBe(CALLER.spanId);
      expect(request.attributes).toMatchObject({
        "http.request.method": "POST",
        "http.route": "/api/packages",
        "http.response.status_code": 201,
      });
      expect(request.attributes["cpm.request_id"]).toBeString();
    });

    test("has a span for each phase, and below them the database and the storage", () => {
      const request = named(spans, "POST /api/packages");
      for (const phase of ["receive", "inspect", "verify", "store", "commit"]) {
        expect(named(spans, `publish ${phase}`).parentSpanId).toBe(request.spanId);
      }
      const put = spans.filter(({ name }) => name === "storage put");
      expect(put.map(({ parentSpanId }) => parentSpanId)).toContain(named(spans, "publish store").spanId);
      const writes = spans.filter(({ name }) => name === "database write");
      expect(writes.map(({ parentSpanId }) => parentSpanId)).toContain(named(spans, "publish commit").spanId);
      const system = kind === "sqlite" ? "sqlite" : "postgresql";
      expect(new Set(writes.map(({ attributes }) => attributes["db.system.name"]))).toEqual(new Set([system]));
    });

    test("is named to the storage, which may continue it", () => {
      const put = fake.requests.find(({ method, key }) => method === "PUT" && key.includes("sha256/"));
      const [, traceId, spanId] = put?.headers.traceparent?.split("-") ?? [];
      expect([traceId, spans.map((span) => span.spanId).includes(spanId ?? "")]).toEqual([CALLER.traceId, true]);
    });
  });
}

describe("traces", () => {
  test("a failure of the storage is an error of its spans and of the request, without its message", async () => {
    const { registry, fake, end } = await startTraced("sqlite", { STORAGE_TIMEOUT_MS: "200" });
    const publisher = await newAccount(registry);
    fake.fail({ method: "PUT", key: /sha256/, how: { status: 403 } });
    const archive = makePackage({ name: "untraced", version: "1.0.0" });
    const answer = await publisher.publish("untraced", "1.0.0", archive, makeKey(), { traceparent: TRACEPARENT });
    expectProblem(answer, 502, "storage_failed");
    const spans = await end();
    expect(named(spans, "storage put").attributes["error.type"]).toBe("storage_failed");
    expect([named(spans, "storage put").isError, named(spans, "POST /api/packages").isError]).toEqual([true, true]);
  });

  test("the headers of the settings are sent to the collector, and a wrong traceparent begins a new trace", async () => {
    const { registry, receiver, end } = await startTraced("sqlite", {
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20collector",
    });
    for (const traceparent of ["", "00-0-0-01", `00-${"0".repeat(32)}-${CALLER.spanId}-01`, "x".repeat(5_000)]) {
      await new Client(registry.url).get("/health", { traceparent });
    }
    expect(await end()).toEqual([]);
    const requests = receiver.spans.filter(({ name }) => name === "GET /health");
    expect([requests.length, new Set(requests.map(({ traceId }) => traceId)).size]).toEqual([4, 4]);
    expect(requests.map(({ parentSpanId }) => parentSpanId ?? "")).toEqual(["", "", "", ""]);
    expect(receiver.requests[0]?.headers.get("authorization")).toBe("Bearer collector");
  });

  test("a share of 0 traces nothing but what its caller traces", async () => {
    const { registry, receiver, end } = await startTraced("sqlite", { OTEL_TRACES_SAMPLER_ARG: "0" });
    await new Client(registry.url).get("/health");
    await new Client(registry.url).get("/health", { traceparent: TRACEPARENT });
    expect(named(await end(), "GET /health").parentSpanId).toBe(CALLER.spanId);
    expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([CALLER.traceId]));
  });

  test("a collector that takes nothing harms no request, and is logged", async () => {
    const { registry, receiver, end } = await startTraced("sqlite");
    receiver.status = 400;
    expect((await new Client(registry.url).get("/health")).status).toBe(200);
    const { logger } = registry.deps;
    await end();
    expect(logger.counts.get("trace_export_failing")).toBe(1);
  });
});
