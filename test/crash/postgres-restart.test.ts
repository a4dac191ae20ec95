import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { type PostgresServer, type StopMode, startPostgres } from "../support/postgres.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

/*
 * Under Bun, some callers of postgres.js hang for ever after a restart of the server. The registry
 * replaces its pool, so here nobody may hang, and service must be back within five seconds.
 */

const READERS = 24;
const PUBLISHERS = 8;
const BACK_WITHIN_MS = 5_000;
/** Longer than any deadline of the registry: a caller that waits longer is stuck. */
const STUCK_AFTER_MS = 15_000;
const RUN_AFTER_RESTART_MS = 3_000;
/**
 * A pause between the requests of a caller that was served after the restart. It leaves the cores
 * to others.
 */
const PAUSE_MS = 20;

interface Outcome {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly status: number | "stuck";
  readonly published?: string;
}

/**
 * Runs `task` over and over in `count` callers while `running` returns true, and collects every
 * outcome. Each caller may pause after its own.
 */
function load(
  count: number,
  running: () => boolean,
  task: (caller: number, round: number) => Promise<Partial<Outcome>>,
  pause: (outcome: Outcome) => Promise<void>,
) {
  const outcomes: Outcome[] = [];
  const callers = Array.from({ length: count }, async (_, caller) => {
    for (let round = 0; running(); round += 1) {
      const startedMs = performance.now();
      // The promise under test is a deadline, so the clock decides who is stuck.
      const stuck = Bun.sleep(STUCK_AFTER_MS).then(() => ({ status: "stuck" as const }));
      const outcome = await Promise.race([task(caller, round), stuck]);
      const full = { status: 0, ...outcome, startedMs, endedMs: performance.now() };
      outcomes.push(full);
      if (full.status === "stuck") return;
      await pause(full);
    }
  });
  return { outcomes, ended: Promise.all(callers) };
}

describe("Postgres restarts under load", () => {
  let postgres: PostgresServer;
  let registry: TestRegistry;
  let alice: Client;
  let key: SigningKey;

  beforeAll(async () => {
    postgres = await startPostgres();
    registry = await startRegistry("postgres", { env: { DATABASE_URL: postgres.url, PUBLISH_LIMITS: "off" } });
    alice = await newAccount(registry);
    key = makeKey();
    await alice.publish("steady", "1.0.0", makePackage({ name: "steady", version: "1.0.0" }), key);
  });

  afterAll(async () => {
    await registry?.stop();
    await postgres?.remove();
  });

  const read = async () => ({ status: (await alice.get("/api/packages/steady")).status });
  const publishAs = (mode: StopMode) => async (caller: number, round: number) => {
    const [name, version] = [`load-${mode}-${caller}`, `1.0.${round}`];
    const { status } = await alice.publish(name, version, makePackage({ name, version }), key);
    return { status, ...(status === 201 ? { published: `${name}/${version}` } : {}) };
  };

  for (const mode of ["immediate", "fast"] as const) {
    test(`a restart of Postgres (-m ${mode}) leaves no caller stuck, ends the outage within 5 s and loses no 201`, async () => {
      let running = true;
      let restartedMs = Number.POSITIVE_INFINITY;
      const pause = async ({ startedMs, status }: Outcome) => {
        if (startedMs > restartedMs && status !== 503) await Bun.sleep(PAUSE_MS);
      };
      const reads = load(READERS, () => running, read, pause);
      const publishes = load(PUBLISHERS, () => running, publishAs(mode), pause);
      const loads = [reads, publishes];
      const isServed = () =>
        loads.every(({ outcomes }) => outcomes.some(({ status }) => status === 200 || status === 201));
      await waitUntil(isServed, "readers and publishers are served");
      await postgres.restart(mode);
      restartedMs = performance.now();
      // Callers go on past the promised time, so that a 503 after it would be seen.
      await Bun.sleep(BACK_WITHIN_MS + RUN_AFTER_RESTART_MS);
      running = false;
      await Promise.all(loads.map(({ ended }) => ended));
      const [readOutcomes, publishOutcomes] = [reads.outcomes, publishes.outcomes];
      const all = [...readOutcomes, ...publishOutcomes];

      expect(all.filter(({ status }) => status === "stuck")).toHaveLength(0);
      // The only other answer is 503.
      expect([...new Set(all.map(({ status }) => status))].filter((status) => status !== 503).sort()).toEqual([
        200, 201,
      ]);
      const late = all.filter(({ startedMs, status }) => startedMs > restartedMs + BACK_WITHIN_MS && status === 503);
      expect(late).toHaveLength(0);
      for (const outcomes of [readOutcomes, publishOutcomes]) {
        const good = outcomes.filter(({ endedMs, status }) => endedMs > restartedMs && status !== 503);
        expect(Math.min(...good.map(({ endedMs }) => endedMs)) - restartedMs).toBeLessThan(BACK_WITHIN_MS);
      }
      for (const published of publishOutcomes.flatMap((outcome) => outcome.published ?? [])) {
        expect((await alice.get(`/api/packages/${published}`)).status).toBe(200);
      }
    });
  }

  test("a frozen Postgres gives 503 within the deadline, and service returns when it thaws", async () => {
    postgres.freeze();
    const startedMs = performance.now();
    // A search, because the response cache still answers documents for one second after it lost the
    // database.
    const frozen = await Promise.all(Array.from({ length: 16 }, () => alice.get("/api/packages?search=steady")));
    const tookMs = performance.now() - startedMs;
    postgres.thaw();
    expect(new Set(frozen.map(({ status }) => status))).toEqual(new Set([503]));
    expect(frozen[0]?.headers.get("retry-after")).toBe("1");
    expect(tookMs).toBeLessThan(STUCK_AFTER_MS + 5_000);
    const isBack = async () => (await alice.get("/api/packages/steady")).status === 200;
    await waitUntil(isBack, "the registry answers again", BACK_WITHIN_MS);
  });
});
