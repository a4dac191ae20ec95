import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkStore } from "../../src/maintenance/check-store.ts";
import { RandomHistory } from "../recovery/random-history.ts";
import { LosingRegistry } from "../recovery/scene.ts";
import { shown } from "../recovery/shown.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { Verifier } from "../verify/scene.ts";
import { Chance, LONG, seeds } from "./chance.ts";

/* A recovery that is killed at each of its steps, and recoveries of random histories. */

const KILLED = 137;
/** More than a full bundle of the log, so that a recovery writes tiles. */
const VERSIONS = 280;
const HISTORIES = LONG ? 100 : 4;
const POINTS = [
  ["recover.tiles", 1],
  ["recover.switched", 1],
  ["recover.replaying", 1],
  ["recover.replaying", 3],
  ["recover.replayed", 2],
] as const;

const SETTINGS = [
  { kind: "sqlite", storage: "files" },
  { kind: "postgres", storage: "S3" },
] as const;

describe.each(SETTINGS)("a recovery on $kind with $storage that is killed", ({ kind, storage }) => {
  const key = makeKey();
  const packages = ["one", "two"];
  let registry: LosingRegistry;
  let alice: Client;
  let published: Record<string, string>;
  const publish = (name: string, version: string) =>
    alice.publish(name, version, makePackage({ name, version }), key).then(({ status }) => status);

  beforeAll(async () => {
    registry = await LosingRegistry.make(kind, storage);
    await registry.start();
    alice = await newAccount(registry, "alice");
    for (const name of packages) expect(await publish(name, "1.0.0")).toBe(201);
    await registry.snapshot();
    for (let n = 1; n <= VERSIONS / 2; n += 1) {
      expect(await Promise.all(packages.map((name) => publish(name, `1.0.${n}`)))).toEqual([201, 201]);
    }
    expect((await alice.send("DELETE", "/api/packages/one/1.0.1")).status).toBe(200);
    await registry.announced();
    published = await shown(registry.url, packages, 3);
    await registry.stop();
  }, 120_000);
  afterAll(() => registry.remove());

  test.each(POINTS)(
    "at %s (hit %d) keeps the log whole, lets nothing be appended, and continues to every version",
    async (point, hit) => {
      await registry.restore();
      const env = { NODE_ENV: "test", FAILPOINTS: `${point}=kill@${hit}` };
      expect((await registry.recoverAsProcess(env)).exitCode).toBe(KILLED);
      // An operator starts a server by mistake.
      await registry.start();
      const { status } = await alice.get("/log/checkpoint");
      expect([status, await publish("one", "9.0.0")]).toEqual([200, 503]);
      const { readOnly } = (await alice.get("/health")).body;
      expect(readOnly.cause).toBe(point === "recover.tiles" ? "log_rollback" : "log_recovery");
      await registry.stop();
      const again = await registry.recoverAsProcess();
      expect([again.stderr, again.exitCode]).toEqual(["", 0]);
      await registry.start();
      expect(await shown(registry.url, packages, 3)).toEqual(published);
      const checked = await checkStore(registry.deps, { repair: false, report: () => undefined });
      expect(checked.problems.items).toEqual([]);
      await registry.stop();
    },
    180_000,
  );
});

describe("random histories", () => {
  test.each(seeds(HISTORIES))(
    "history %d comes back byte for byte, with a clean audit of whoever saw it before",
    async (seed) => {
      const chance = new Chance(seed);
      const kind = seed % 3 === 0 ? "postgres" : "sqlite";
      const registry = await LosingRegistry.make(kind, seed % 4 === 0 ? "S3" : "files");
      const auditor = await Verifier.make();
      const audit = () => auditor.ask("log", "audit", "--registry", registry.url, "--archives");
      try {
        await registry.start();
        const history = new RandomHistory(registry, chance);
        const steps = chance.between(10, 40);
        const snapshotAt = chance.between(0, steps - 1);
        const silentAt = chance.between(snapshotAt + 1, steps);
        const rotatedAt = chance.between(0, 2 * steps);
        for (let step = 0; step < steps; step += 1) {
          if (step === snapshotAt) await registry.snapshot();
          if (step === rotatedAt) await registry.rotateLogKey();
          if (step === silentAt) {
            await registry.stop();
            await registry.start({ isSilent: true });
          }
          await history.step();
        }
        const published = await shown(registry.url, history.names);
        expect((await audit()).exitCode).toBe(0);
        await registry.stop();
        await registry.restore();
        await registry.recover();
        await registry.start();
        const now = await shown(registry.url, history.names);
        expect(now).toEqual(published);
        for (const version of history.acknowledged) {
          expect(Object.keys(now)).toContain(`/api/packages/${version.replace(" ", "/")}/proof`);
        }
        const checked = await checkStore(registry.deps, { repair: false, report: () => undefined });
        expect([checked.problems.items, checked.orphans.count]).toEqual([[], 0]);
        expect(await audit()).toMatchObject({ exitCode: 0, codes: [] });
      } finally {
        await registry.remove();
        await auditor.remove();
      }
    },
    LONG ? 600_000 : 120_000,
  );
});
