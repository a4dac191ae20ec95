import { describe, expect, test } from "bun:test";
import { noteBackup } from "../../src/blobs/last-backup.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { metricsText, type Scrape, scrape, TEST_METRICS_TOKEN } from "../support/metrics.ts";
import { onBothDatabases, startRegistry } from "../support/registry.ts";

const key = makeKey();

const requests = (method: string, route: string, code: number) =>
  `cpm_registry_http_request_duration_seconds_count{method="${method}",route="${route}",code="${code}"}`;

/** What a series gained between two scrapes. Throws for a series that the first one lacked. */
function gained(before: Scrape, after: Scrape, series: string): number {
  const [from, to] = [before.get(series), after.get(series)];
  if (from === undefined || to === undefined) throw new Error(`No series ${series}`);
  return to - from;
}

/** Series that an alarm or a dashboard may name before anything happened. */
const FIXED = [
  ...["created", "same", "refused", "error"].map((outcome) => `cpm_registry_publishes_total{outcome="${outcome}"}`),
  ...["receive", "inspect", "verify", "store", "commit"].map(
    (phase) => `cpm_registry_publish_phase_seconds_count{phase="${phase}"}`,
  ),
  ...["succeeded", "refused", "throttled", "error"].map((outcome) => `cpm_registry_logins_total{outcome="${outcome}"}`),
  ...["delivered", "failed", "refused"].map((outcome) => `cpm_registry_webhook_deliveries_total{outcome="${outcome}"}`),
  ...["downloads_total", "download_bytes_total", "packages", "versions", "accounts", "storage_bytes", "log_size"]
    .concat("last_backup_timestamp_seconds", "webhook_backlog")
    .map((name) => `cpm_registry_${name}`),
  ...["internal", "blob_corrupt", "log_rollback", "storage_full", "worker_ended"].map(
    (event) => `cpm_registry_events_total{event="${event}"}`,
  ),
  ...["setting", "operator", "log_recovery", "log_rollback", "log_key_missing"].map(
    (cause) => `cpm_registry_read_only{cause="${cause}"}`,
  ),
  ...["passwords", "inspection_small", "database_writes"].map(
    (name) => `cpm_registry_semaphore_waiting{name="${name}"}`,
  ),
  'cpm_registry_database_connections{state="busy"}',
  requests("POST", "/api/packages", 201),
  requests("GET", "/api/packages/{name}", 200),
  requests("GET", "/api/packages/{name}/{version}/download", 200),
];

describe("a registry before its first request", () => {
  test("has every series with a known name at 0, so that an alarm sees the first event", async () => {
    const registry = await startRegistry("sqlite");
    try {
      const first = await scrape(registry.url);
      expect(FIXED.map((series) => [series, first.get(series)])).toEqual(FIXED.map((series) => [series, 0]));
      const inFlight = first.get("cpm_registry_http_requests_in_flight");
      expect(inFlight).toBe(1);
      for (const name of ["resident_memory_bytes", "cpu_seconds_total", "start_time_seconds"]) {
        expect(first.get(`process_${name}`)).toBeGreaterThan(0);
      }
      expect(await metricsText(registry.url)).toMatch(
        /^cpm_registry_build_info\{version="[^"]+",commit="[^"]+",bun="[^"]+"\} 1$/m,
      );
    } finally {
      await registry.stop();
    }
  });
});

onBothDatabases("metrics", (registry) => {
  const guest = () => new Client(registry().url);

  test("a publish counts once, with its phases and in what the registry holds", async () => {
    const publisher = await newAccount(registry());
    const before = await scrape(registry().url);
    const [one, two] = ["1.0.0", "1.1.0"].map((version) => makePackage({ name: "measured", version }));
    if (one === undefined || two === undefined) throw new Error("No archives");
    const statuses = [];
    for (const [version, archive] of [
      ["1.0.0", one],
      ["1.1.0", two],
      ["1.1.0", two],
      ["1.0.0", two],
    ] as const) {
      statuses.push((await publisher.publish("measured", version, archive, key)).status);
    }
    expect(statuses).toEqual([201, 201, 200, 400]);
    const after = await scrape(registry().url);
    const by = (series: string) => gained(before, after, `cpm_registry_${series}`);
    expect([by('publishes_total{outcome="created"}'), by('publishes_total{outcome="same"}')]).toEqual([2, 1]);
    expect([by('publishes_total{outcome="refused"}'), by('publishes_total{outcome="error"}')]).toEqual([1, 0]);
    expect(by('publish_phase_seconds_count{phase="receive"}')).toBe(4);
    expect(by('publish_phase_seconds_count{phase="inspect"}')).toBe(4);
    expect(by('publish_phase_seconds_count{phase="store"}')).toBe(3);
    expect(by('publish_phase_seconds_count{phase="commit"}')).toBe(2);
    expect([by("packages"), by("versions"), by("storage_bytes")]).toEqual([1, 2, one.length + two.length]);
    expect(gained(before, after, requests("POST", "/api/packages", 201))).toBe(2);
  });

  test("answers from the response cache count like others, under the template of their route", async () => {
    const publisher = await newAccount(registry());
    const archive = makePackage({ name: "cached-reads", version: "1.0.0" });
    expect((await publisher.publish("cached-reads", "1.0.0", archive, key)).status).toBe(201);
    const before = await scrape(registry().url);
    const download = "/api/packages/cached-reads/1.0.0/download";
    for (let count = 0; count < 5; count += 1) await guest().get(download);
    for (let count = 0; count < 5; count += 1) await guest().get("/api/v1/packages/cached-reads");
    const { headers } = await guest().get("/api/packages/cached-reads");
    const tag = { "if-none-match": headers.get("etag") ?? "" };
    for (let count = 0; count < 3; count += 1)
      expect((await guest().get("/api/packages/cached-reads", tag)).status).toBe(304);
    const after = await scrape(registry().url);
    expect(gained(before, after, requests("GET", "/api/packages/{name}", 200))).toBe(6);
    expect(after.get(requests("GET", "/api/packages/{name}", 304))).toBe(3);
    expect(gained(before, after, requests("GET", "/api/packages/{name}/{version}/download", 200))).toBe(5);
    expect(gained(before, after, "cpm_registry_downloads_total")).toBe(5);
    expect(gained(before, after, "cpm_registry_download_bytes_total")).toBe(5 * archive.length);
    expect([...after.keys()].filter((series) => series.includes("cached-reads"))).toEqual([]);
  });

  test("logins count by how they end", async () => {
    const account = await newAccount(registry());
    const before = await scrape(registry().url);
    const login = (password: string) => guest().post("/api/auth/login", { username: account.username, password });
    const statuses = [];
    for (const password of [PASSWORD, ...Array(6).fill("wrong password")])
      statuses.push((await login(password)).status);
    expect(statuses).toEqual([200, 401, 401, 401, 401, 401, 429]);
    const after = await scrape(registry().url);
    const outcomes = ["succeeded", "refused", "throttled", "error"];
    const by = (outcome: string) => gained(before, after, `cpm_registry_logins_total{outcome="${outcome}"}`);
    expect(outcomes.map(by)).toEqual([1, 5, 1, 0]);
    expect(after.get("cpm_registry_accounts")).toBeGreaterThan(0);
  });

  test("the time of the last backup is 0 without one, and then that of the backup", async () => {
    const { deps, url } = registry();
    const series = "cpm_registry_last_backup_timestamp_seconds";
    expect((await scrape(url)).get(series)).toBe(0);
    await noteBackup(deps.blobs, new Date("2026-01-02T03:04:05Z"));
    // As if the storage was asked a minute ago.
    deps.metrics.backupReadMs = Number.NEGATIVE_INFINITY;
    expect((await scrape(url)).get(series)).toBe(Date.parse("2026-01-02T03:04:05Z") / 1000);
  });

  test("addresses and methods that nobody knows share one series each", async () => {
    const before = await scrape(registry().url);
    const size = () => scrape(registry().url).then((read) => read.size);
    await guest().get("/first-unknown-address");
    const one = await size();
    for (let count = 0; count < 20; count += 1) await guest().get(`/unknown-${count}?${count}`);
    expect(await size()).toBe(one);
    expect(before.get(requests("GET", "none", 404))).toBeUndefined();
    expect((await scrape(registry().url)).get(requests("GET", "none", 404))).toBe(21);
  });
});

describe("who may read the metrics", () => {
  test("only the METRICS_TOKEN opens them: no other token, and no account", async () => {
    const registry = await startRegistry("sqlite");
    try {
      const account = await newAccount(registry);
      const wrong = ["", "x", `${TEST_METRICS_TOKEN}x`, TEST_METRICS_TOKEN.slice(1), account.token ?? ""];
      for (const token of wrong) {
        const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
        const answer = await new Client(registry.url).get("/metrics", headers);
        expectProblem(answer, 401, "unauthenticated");
        expect(answer.text).not.toContain(TEST_METRICS_TOKEN);
      }
      const answer = await new Client(registry.url).get("/metrics", { authorization: `bearer ${TEST_METRICS_TOKEN}` });
      expect([answer.status, answer.headers.get("content-type")]).toEqual([
        200,
        "text/plain; version=0.0.4; charset=utf-8",
      ]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
    } finally {
      await registry.stop();
    }
  });

  test("without a METRICS_TOKEN nobody can read them, and the answer says what to set", async () => {
    const registry = await startRegistry("sqlite", { env: { METRICS_TOKEN: "" } });
    try {
      const answer = await new Client(registry.url).get("/metrics", { authorization: "Bearer " });
      expectProblem(answer, 403, "metrics_disabled");
      expect(answer.body.detail).toContain("METRICS_TOKEN");
    } finally {
      await registry.stop();
    }
  });

  test("a database that does not answer does not stop a scrape", async () => {
    const registry = await startRegistry("sqlite", {
      override: ({ db }) => ({ db: { ...db, read: () => Promise.reject(new Error("gone")) } }),
    });
    try {
      const read = await scrape(registry.url);
      expect(read.get('cpm_registry_events_total{event="database_failing"}')).toBe(1);
    } finally {
      await registry.stop();
    }
  });
});
