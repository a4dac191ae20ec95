import { afterEach, describe, expect, test } from "bun:test";
import { ApiClient, type ApiClientOptions } from "../../src/client/api-client.ts";
import { ClientFault, type ClientFaultKind } from "../../src/client/client-fault.ts";
import { answer, type FakeRegistry, fakeRegistry, problem, type Reply } from "./fake-registry.ts";

/* Requests to a registry that stalls, cuts, is busy, or is none. */

const QUICK = { tries: 5, firstWaitMs: 1, retryAfterMaxMs: 1_500 };
const ME = JSON.stringify({ user: { username: "ada" } });

let registry: FakeRegistry | undefined;
const notes: string[] = [];
afterEach(() => {
  registry?.stop();
  registry = undefined;
  notes.length = 0;
});

async function clientOf(reply: Reply, more: Partial<ApiClientOptions> = {}): Promise<ApiClient> {
  registry = await fakeRegistry(reply);
  const { url } = registry;
  const address = { url, origin: url, certificates: undefined, logKey: undefined, source: "option" as const };
  return new ApiClient({
    address,
    token: "cpm_token",
    note: (text) => notes.push(text),
    pace: QUICK,
    answerMaxMs: 400,
    ...more,
  });
}

const asked = () => registry?.requests.length ?? 0;

async function faultOf(work: Promise<unknown>): Promise<ClientFault> {
  const cause = await work.then(
    () => new Error("no failure"),
    (error: unknown) => error,
  );
  if (cause instanceof ClientFault) return cause;
  throw cause;
}

describe("a request that may be repeated", () => {
  test.each([
    ["a lost connection", "cut" as const],
    ["408", problem(408, "request_timeout")],
    ["429 without a time", problem(429, "too_many_attempts")],
    ["429 with a time", problem(429, "too_many_attempts", { "Retry-After": "0" })],
    ["502 of a proxy", answer(502, "<html>", { "Content-Type": "text/html" })],
    ["503", problem(503, "busy", { "Retry-After": "0" })],
    ["504", problem(504, "storage_timeout")],
    ["an answer that stops in the middle", `${answer(200, ME).slice(0, -5)}`],
  ])("is sent again after %s", async (_, bad) => {
    const client = await clientOf((_request, at) => (at < 3 ? bad : answer(200, ME)));
    expect(await client.get<object>("/api/auth/me")).toEqual(JSON.parse(ME));
    expect(asked()).toBe(3);
  });

  test.each(["read_only", "log_rollback", "log_key_missing"])(
    "is not sent again after %s, which only an operator ends, and names no time",
    async (code) => {
      const client = await clientOf(() => problem(503, code, { "Retry-After": "1" }));
      const fault = await faultOf(client.get("/api/auth/me"));
      expect([fault.problem.code, asked()]).toEqual([code, 1]);
      expect(fault.problem.detail).not.toContain("in 1 s");
    },
  );

  test("is sent five times, and then the registry's words are the failure", async () => {
    const client = await clientOf(() => problem(503, "database_unavailable"));
    const { kind, problem: failed } = await faultOf(client.get("/api/auth/me"));
    expect([kind, failed.code, asked()]).toEqual(["unavailable", "database_unavailable", 5]);
  });

  test("waits as long as the registry asks, tells it, and not longer than a limit", async () => {
    const client = await clientOf((_request, at) =>
      at < 2 ? problem(429, "busy", { "Retry-After": "1" }) : answer(200, ME),
    );
    const startedMs = performance.now();
    await client.get("/api/auth/me");
    expect(performance.now() - startedMs).toBeGreaterThan(1_000);
    expect(notes.join()).toContain("limits how often this is asked; trying again in");
    registry?.stop();
    const patient = await clientOf(() => problem(429, "publish_limit_reached", { "Retry-After": "3600" }));
    const { kind, message } = await faultOf(patient.get("/api/auth/me"));
    expect([kind, message.includes("Try again in 3600 s."), asked()]).toEqual(["unavailable", true, 1]);
  });

  test("a registry that never answers is given up after its deadlines", async () => {
    const client = await clientOf(() => undefined, { answerMaxMs: 50, pace: { ...QUICK, tries: 2 } });
    const { kind, message } = await faultOf(client.get("/api/auth/me"));
    expect([kind, asked()]).toEqual(["unavailable", 2]);
    expect(message).toContain("no whole answer");
  });
});

describe("a request that changes something", () => {
  test("is not sent again when it may have arrived", async () => {
    const client = await clientOf(() => "cut");
    expect((await faultOf(client.send("POST", "/api/auth/register", {}))).kind).toBe("unavailable");
    expect(asked()).toBe(1);
  });

  test("is sent again when the registry says that it did nothing", async () => {
    const client = await clientOf((_request, at) => (at < 2 ? problem(503, "busy") : answer(201, ME)));
    await client.send("POST", "/api/auth/register", {});
    expect(asked()).toBe(2);
  });

  test("follows no redirect, and names the address that it was sent to", async () => {
    const client = await clientOf(() => answer(308, "", { Location: "https://elsewhere.test/" }));
    const { message } = await faultOf(client.send("POST", "/api/auth/login", { password: "secret" }));
    expect(message).toContain("https://elsewhere.test/");
    expect(asked()).toBe(1);
  });
});

describe("an answer", () => {
  test.each<[string, string, ClientFaultKind]>([
    ["400", problem(400, "signature_invalid"), "refused"],
    ["401", problem(401, "unauthenticated"), "denied"],
    ["403", problem(403, "not_an_owner"), "denied"],
    ["404", problem(404, "package_not_found"), "failed"],
    ["409", problem(409, "version_exists"), "refused"],
    ["413", problem(413, "payload_too_large"), "refused"],
    ["422", problem(422, "archive_rejected"), "refused"],
    ["500", problem(500, "internal"), "unavailable"],
  ])("of status %s has its kind of failure, with the registry's code", async (status, sent, kind) => {
    const client = await clientOf(() => sent);
    const fault = await faultOf(client.get("/api/packages/x"));
    expect([fault.kind, fault.problem.status]).toEqual([kind, Number(status)]);
  });

  test("for an expired token names the next step, and never the token", async () => {
    const client = await clientOf(() => problem(401, "unauthenticated"));
    const { message } = await faultOf(client.get("/api/auth/me"));
    expect(message).toContain("Log in again: cpm-registry login");
    expect(message).not.toContain("cpm_token");
  });

  test.each([
    ["a page of a proxy", answer(200, "<html>Sign in</html>", { "Content-Type": "text/html" })],
    ["JSON that is none", answer(200, "{")],
    ["JSON that is nested too deeply", answer(200, "[".repeat(100))],
    ["a page of a proxy with 403", answer(403, "<html>", { "Content-Type": "text/html" })],
    ["a compressed body", answer(200, "x", { "Content-Encoding": "gzip" })],
    ["a body of 10 GB", `${answer(200, "x", { "Content-Length": "10000000000" })}`],
  ])("that is %s is no registry's", async (_, sent) => {
    const client = await clientOf(() => sent, { pace: { ...QUICK, tries: 1 } });
    const { kind, problem: failed } = await faultOf(client.get("/api/auth/me"));
    expect([kind, failed.code]).toEqual([
      "unavailable",
      expect.stringMatching(/^client_(not_a_registry|registry_unusable)$/),
    ]);
  });

  test("of another origin than the registry's gets no token", async () => {
    const other = await fakeRegistry(() => answer(200, ME));
    const client = await clientOf(() => answer(307, "", { Location: `${other.url}/api/auth/me` }));
    await client.get("/api/auth/me");
    expect(registry?.requests[0]).toContain("cpm_token");
    expect(other.requests[0]).not.toContain("cpm_token");
    other.stop();
  });
});
