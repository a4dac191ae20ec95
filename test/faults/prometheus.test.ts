import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { COSIGNATURE, formatSignerKey, formatVerifierKey, parseSignerKey, verifierOf } from "../../src/tlog/note.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, PASSWORD, sha256 } from "../support/client.ts";
import { metricsText, TEST_METRICS_TOKEN } from "../support/metrics.ts";
import { freePort } from "../support/ports.ts";
import { waitUntil } from "../support/wait-until.ts";
import { onScene } from "./scene.ts";
import type { ServerProcess } from "./server.ts";

/* The dashboard and the alerts of deploy/, in a real Prometheus that scrapes a real registry. */

const DEPLOY = resolve(import.meta.dir, "../../deploy");
const ALERTS = join(DEPLOY, "prometheus/alerts.yml");
/** A witness that does not answer. Its series exists all the same. */
const WITNESS = (() => {
  const signer = parseSignerKey(formatSignerKey("witness.test/w", Buffer.alloc(32, 1), COSIGNATURE));
  return signer === undefined ? "" : `${formatVerifierKey(verifierOf(signer))} http://127.0.0.1:9`;
})();
const READY_MAX_MS = 30_000;
const DATA_MAX_MS = 60_000;
const PACE_MS = 500;

const missing = ["prometheus", "promtool"].find((name) => Bun.which(name) === null);
if (missing !== undefined) console.log(`${missing} is not installed; tests with Prometheus are skipped.`);

function promtool(args: readonly string[], input = ""): { exitCode: number; output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["promtool", ...args], { stdin: Buffer.from(input) });
  return { exitCode, output: `${stdout}${stderr}` };
}

test.skipIf(missing !== undefined)("every alert fires from its first event and ends, by promtool", () => {
  expect(promtool(["check", "rules", ALERTS])).toMatchObject({ exitCode: 0 });
  const tests = ["alerts_test.yml", "backup_alert_test.yml"].map((name) => join(DEPLOY, "prometheus", name));
  expect(promtool(["test", "rules", ...tests])).toMatchObject({ exitCode: 0 });
  const tested = tests.map((path) => readFileSync(path, "utf8")).join("\n");
  const names = [...readFileSync(ALERTS, "utf8").matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThanOrEqual(5);
  for (const name of names) expect(tested).toContain(`alertname: ${name}\n`);
});

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** The queries of the dashboard as Grafana sends them, by the titles of their panels. */
function dashboardQueries(): [title: string, query: string][] {
  const { panels }: { panels: readonly Panel[] } = JSON.parse(
    readFileSync(join(DEPLOY, "grafana/cpm-registry.json"), "utf8"),
  );
  const filled = (expr: string) => expr.replaceAll("$job", "cpm-registry").replaceAll("$__rate_interval", "15s");
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, filled(expr)] as [string, string]),
  );
}

/** Runs Prometheus on a registry, with the files of deploy/ but for its address and its pace. */
async function withPrometheus(server: ServerProcess, use: (url: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "cpm-prometheus-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  writeFileSync(join(directory, "token"), TEST_METRICS_TOKEN);
  const config = readFileSync(join(DEPLOY, "prometheus/prometheus.yml"), "utf8")
    .replaceAll("15s", "1s")
    .replace("localhost:5000", new URL(server.url).host)
    .replace("/etc/prometheus/cpm-registry.token", join(directory, "token"))
    .replace("alerts.yml", ALERTS);
  writeFileSync(join(directory, "prometheus.yml"), config);
  const prometheus = Bun.spawn(
    [
      ...["prometheus", `--config.file=${join(directory, "prometheus.yml")}`],
      ...[`--storage.tsdb.path=${join(directory, "data")}`, `--web.listen-address=127.0.0.1:${port}`],
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  try {
    await waitUntil(
      () =>
        fetch(`${url}/-/ready`)
          .then(({ ok }) => ok)
          .catch(() => false),
      "Prometheus",
      READY_MAX_MS,
    );
    await use(url);
  } finally {
    prometheus.kill();
    await prometheus.exited;
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The series of a query that have a value. */
async function valuesOf(url: string, query: string): Promise<unknown[]> {
  const answer = await (await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)).json();
  if (answer.status !== "success") throw new Error(`${query}: ${answer.error}`);
  return answer.data.result.filter(({ value: [, value] }: { value: [number, string] }) => value !== "NaN");
}

test.skipIf(missing !== undefined)(
  "a real Prometheus scrapes a registry, has data for every query of the dashboard, and fires an alert at the first damaged archive",
  async () => {
    await onScene("sqlite", async ({ server }) => {
      await server.start({ LOG_WITNESSES: WITNESS });
      expect(promtool(["check", "metrics"], await metricsText(server.url))).toEqual({ exitCode: 0, output: "" });
      const publisher = await newAccount(server);
      const key = makeKey();
      let published = 0;
      /** Does what every part of the dashboard shows. */
      const work = async () => {
        published += 1;
        const archive = makePackage({ name: "watched", version: `1.0.${published}` });
        await publisher.publish("watched", `1.0.${published}`, archive, key);
        for (const path of [
          "/api/packages",
          "/api/packages/watched",
          "/api/packages/watched/latest/download",
          "/none",
        ]) {
          await new Client(server.url).get(path);
        }
        await new Client(server.url).post("/api/auth/login", { username: publisher.username, password: PASSWORD });
        return archive;
      };
      await withPrometheus(server, async (prometheus) => {
        const empty = async () => {
          await work();
          const found = dashboardQueries().map(async ([title, query]) => ({
            title,
            isEmpty: (await valuesOf(prometheus, query)).length === 0,
          }));
          return (await Promise.all(found)).filter(({ isEmpty }) => isEmpty).map(({ title }) => title);
        };
        let left: string[] = [];
        const hasAll = async () => {
          left = await empty();
          // The pace of the work, about that of the scrapes.
          await Bun.sleep(PACE_MS);
          return left.length === 0;
        };
        await waitUntil(hasAll, "data for every query", DATA_MAX_MS).catch(() => expect(left).toEqual([]));
        expect(promtool(["check", "metrics"], await metricsText(server.url))).toEqual({ exitCode: 0, output: "" });

        expect(await valuesOf(prometheus, 'ALERTS{alertname="CpmRegistryArchiveDamaged"}')).toEqual([]);
        const digest = sha256(await work());
        writeFileSync(join(server.dataDir, "packages/sha256", digest.slice(0, 2), digest), "damaged");
        await new Client(server.url).get(`/api/packages/watched/1.0.${published}/download`);
        const firing = 'ALERTS{alertname="CpmRegistryArchiveDamaged",alertstate="firing"}';
        await waitUntil(async () => (await valuesOf(prometheus, firing)).length === 1, "the alert", DATA_MAX_MS);
      });
    });
  },
  180_000,
);
