import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { Client } from "../support/client.ts";
import { TEST_METRICS_TOKEN } from "../support/metrics.ts";
import { childrenOf } from "../support/process-family.ts";
import { waitUntil } from "../support/wait-until.ts";
import { makePublishers } from "./driver.ts";
import { onScene } from "./scene.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

const WORKERS = { WORKERS: "2" };

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

function living(server: ServerProcess): number[] {
  return childrenOf(server.pid() ?? 0).filter(isAlive);
}

/** How many processes accept connections on the server's port. */
function listening({ url }: ServerProcess): number {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const sockets = readFileSync("/proc/net/tcp", "utf8").split("\n");
  return sockets.filter((line) => line.includes(`:${port} 00000000:0000 0A`)).length;
}

/** A worker may be silent for ten seconds. */
const FROZEN_MAX_MS = 20_000;

/** Reads the metrics on a new connection, so that any worker may answer. */
function readMetrics({ url }: ServerProcess): Promise<string> {
  const headers = { authorization: `Bearer ${TEST_METRICS_TOKEN}` };
  return new Promise((done, failed) => {
    get(`${url}/metrics`, { agent: false, headers }, (response) => {
      let text = "";
      response.on("data", (piece) => {
        text += piece;
      });
      response.on("end", () => done(text));
    }).on("error", failed);
  });
}

/** The workers hear of a commit within a second. The rest is for a busy machine. */
const FOLLOWED_WITHIN_MS = 5_000;

/** The status of a logout without a credential, on a new connection. */
function logOut({ url }: ServerProcess): Promise<number> {
  return fetch(`${url}/api/auth/logout`, { method: "POST", keepalive: false }).then(({ status }) => status);
}

/** The status of each of many requests, each on a new connection. */
function ask({ url }: ServerProcess, path: string): Promise<(number | undefined)[]> {
  const one = () =>
    new Promise<number | undefined>((answered, failed) => {
      get(url + path, { agent: false }, (response) => answered(response.resume().statusCode)).on("error", failed);
    });
  return Promise.all(Array.from({ length: 20 }, one));
}

test("two workers share a port and a registry: both serve what one published", async () => {
  await onScene("sqlite", async ({ server }) => {
    await server.start(WORKERS);
    await waitUntil(() => server.output().includes("with 2 workers"), "two workers");
    const publishers = await makePublishers(server.url, 4);
    const published = publishers.map(({ client, key }, n) => {
      const archive = makePackage({ name: `shared-${n}`, version: "1.0.0" });
      return client.publish(`shared-${n}`, "1.0.0", archive, key);
    });
    expect((await Promise.all(published)).map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(await ask(server, "/api/packages/shared-3"))).toEqual(new Set([200]));
    expect((await new Client(server.url).get("/api/packages")).body.total).toBe(4);
  });
}, 60_000);

test("every worker follows a change to read-only and back within a second, and reads go on", async () => {
  await onScene("sqlite", async ({ server }) => {
    await server.start(WORKERS);
    await waitUntil(() => server.output().includes("with 2 workers"), "two workers");
    for (const [args, status] of [
      [["on", "--reason", "a test"], 503],
      [["off"], 401],
    ] as const) {
      expect((await server.run("admin", "read-only", ...args)).exitCode).toBe(0);
      const statuses = async () => new Set(await Promise.all(Array.from({ length: 20 }, () => logOut(server))));
      const follow = async () => [...(await statuses())].every((one) => one === status);
      await waitUntil(follow, `every worker answers ${status}`, FOLLOWED_WITHIN_MS);
      expect(new Set(await ask(server, "/api/packages"))).toEqual(new Set([200]));
    }
  });
}, 60_000);

test("a killed worker is started again, and the other answers meanwhile", async () => {
  await onScene("sqlite", async ({ server }) => {
    await server.start(WORKERS);
    await waitUntil(() => server.output().includes("with 2 workers"), "two workers");
    const [killed = 0] = childrenOf(server.pid() ?? 0);
    process.kill(killed, "SIGKILL");
    // Other threads of a zombie may still hold its sockets.
    await waitUntil(() => !existsSync(`/proc/${killed}`), "it is gone");
    expect(new Set(await ask(server, "/health"))).toEqual(new Set([200]));
    await waitUntil(() => childrenOf(server.pid() ?? 0).length === 2, "two workers again");
    expect(server.output()).toContain("worker_ended");
    expect(new Set(await ask(server, "/health"))).toEqual(new Set([200]));
  });
}, 60_000);

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s ends all workers with exit code 0",
  async (signal) => {
    await onScene("sqlite", async ({ server }) => {
      await server.start(WORKERS);
      await waitUntil(() => server.output().includes("with 2 workers"), "two workers");
      const workers = childrenOf(server.pid() ?? 0);
      server.signal(signal);
      expect(await server.ended()).toEqual({ exitCode: 0, signal: null });
      expect(workers.filter(isAlive)).toEqual([]);
    });
  },
  60_000,
);

test("a frozen worker is replaced, and a frozen worker does not keep the others from ending in time", async () => {
  await onScene("sqlite", async ({ server }) => {
    await server.start(WORKERS);
    await waitUntil(() => server.output().includes("with 2 workers"), "two workers");
    const [frozen = 0] = childrenOf(server.pid() ?? 0);
    process.kill(frozen, "SIGSTOP");
    await waitUntil(() => server.output().includes("worker_silent"), "the silence is logged", FROZEN_MAX_MS);
    await waitUntil(() => !isAlive(frozen), "it is killed");
    await waitUntil(() => living(server).length === 2, "two workers again");
    // Not the new one, which may have no handler of SIGTERM yet.
    const other = Math.min(...living(server));
    process.kill(other, "SIGSTOP");
    const toldMs = performance.now();
    server.signal("SIGTERM");
    expect(await server.ended()).toEqual({ exitCode: 0, signal: null });
    expect(performance.now() - toldMs).toBeLessThan(25_000);
  });
}, 90_000);

test("every worker reports the metrics of all, and a worker that ends takes none back", async () => {
  await onScene("sqlite", async ({ server }) => {
    await server.start(WORKERS);
    await waitUntil(() => server.output().includes("with 2 workers"), "two workers");
    const [killed = 0] = childrenOf(server.pid() ?? 0);
    process.kill(killed, "SIGKILL");
    await waitUntil(() => server.output().includes("worker_ended"), "it is noticed");
    await waitUntil(() => listening(server) === 2, "two workers again");
    rmSync(join(server.dataDir, "packages"), { recursive: true });
    const statuses = await ask(server, "/health");
    expect(new Set(statuses)).toEqual(new Set([503]));
    const texts = await Promise.all(Array.from({ length: 10 }, () => readMetrics(server)));
    const asked = 'cpm_registry_http_request_duration_seconds_count{method="GET",route="/health",code="503"}';
    const lines = [
      'cpm_registry_events_total{event="worker_ended"} 1',
      `{event="storage_failing"} ${statuses.length}`,
      `${asked} ${statuses.length}`,
      'cpm_registry_publishes_total{outcome="created"} 0',
    ];
    for (const text of texts) for (const line of lines) expect(text).toContain(line);
    // Without the directory, no worker starts.
    mkdirSync(join(server.dataDir, "packages"));
    const [other = 0] = childrenOf(server.pid() ?? 0);
    process.kill(other, "SIGKILL");
    await waitUntil(() => server.output().includes('"worker_ended","worker":2'), "it is noticed");
    await waitUntil(() => listening(server) === 2, "two workers again");
    expect(await readMetrics(server)).toContain(`${asked} ${statuses.length}`);
  });
}, 60_000);

test("workers end by themselves when their parent process is killed", async () => {
  await onScene("sqlite", async ({ server }) => {
    await server.start(WORKERS);
    await waitUntil(() => server.output().includes("with 2 workers"), "two workers");
    const workers = childrenOf(server.pid() ?? 0);
    await server.kill();
    await waitUntil(() => !workers.some(isAlive), "all workers are gone");
  });
}, 60_000);

test("workers on a port in use are an error and share nothing silently, and so is a worker started by hand", async () => {
  await onScene("sqlite", async ({ server }) => {
    await server.start(WORKERS);
    const { exitCode, stderr } = await server.run("serve");
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("in use")]);
    const other = await prepareServer(server.dataDir, undefined, { ...WORKERS, PORT: new URL(server.url).port });
    const second = await other.run("serve");
    expect([second.exitCode, second.stderr]).toEqual([1, expect.stringContaining("in use")]);
    const byHand = await server.run("worker", "1");
    expect([byHand.exitCode, byHand.stderr]).toEqual([64, expect.stringContaining("WORKERS")]);
    await other.remove();
  });
}, 60_000);

test.each([
  ["its own", {}, "16"],
  ["its operator's", { UV_THREADPOOL_SIZE: "3" }, "3"],
] as const)(
  "a server runs with %s number of disk threads in the process that was started",
  async (_, settings, threads) => {
    await onScene("sqlite", async ({ server }) => {
      await server.start(settings);
      const environment = readFileSync(`/proc/${server.pid()}/environ`, "utf8").split("\0");
      expect(environment).toContain(`UV_THREADPOOL_SIZE=${threads}`);
      expect(environment).toContain("BUN_JSC_forceRAMSize=268435456");
    });
  },
  60_000,
);
