import { describe, expect, test } from "bun:test";
import { Chance, LONG, seeds } from "./chance.ts";
import { check } from "./checker.ts";
import { drive, makePublishers } from "./driver.ts";
import { onScene, type Scene, withSeed } from "./scene.ts";

/* The process dies and the kernel does not: written bytes are there, and unwritten ones are not. */

const PUBLISHERS = 32;
const RESTARTS = LONG ? 100 : 3;
/**
 * A full check reads everything. Between restarts only new versions are downloaded, except in every
 * tenth check.
 */
const WHOLE_CHECK_EVERY = 10;

/** Kills the server at random times while everybody publishes, and checks after every restart. */
async function killAtRandom({ server, journals }: Scene, seed: number, restarts: number): Promise<number> {
  const chance = new Chance(seed);
  let acknowledged = 0;
  await server.start();
  const publishers = await makePublishers(server.url, PUBLISHERS);
  for (let restart = 1; restart <= restarts; restart += 1) {
    const title = `life${restart}`;
    const answered = Promise.withResolvers<void>();
    const onNoted = () => answered.resolve();
    const driven = drive({ publishers, seed: seed + restart, journals, title, running: server.isRunning, onNoted });
    await Promise.race([answered.promise, driven]);
    // The kill must not always hit the same step of a publish.
    await Bun.sleep(chance.between(0, 500));
    await server.kill();
    await driven;
    await server.start();
    const whole = restart === restarts || restart % WHOLE_CHECK_EVERY === 0;
    const verdict = await check({ server, journals, publishers, ...(whole ? {} : { titled: `${title}-` }) });
    expect(verdict.faults).toEqual([]);
    acknowledged = verdict.acknowledged;
  }
  return acknowledged;
}

describe("kill -9 at random times under 32 publishers", () => {
  for (const kind of LONG ? (["sqlite", "postgres"] as const) : (["sqlite"] as const)) {
    for (const seed of seeds(1)) {
      test(
        `after ${RESTARTS} kills of a server on ${kind} every 201 holds, and the rest is whole or absent (seed ${seed})`,
        () =>
          withSeed(seed, () =>
            onScene(kind, async (scene) => {
              // Without an acknowledged publish the test would prove nothing.
              expect(await killAtRandom(scene, seed, RESTARTS)).toBeGreaterThan(0);
            }),
          ),
        LONG ? 1_800_000 : 60_000,
      );
    }
  }
});
