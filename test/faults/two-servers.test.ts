import { describe, expect, test } from "bun:test";
import { Client } from "../support/client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { Chance, LONG, seeds } from "./chance.ts";
import { check } from "./checker.ts";
import { drive, makePublishers, type Publisher } from "./driver.ts";
import { readJournals } from "./journal.ts";
import { onScene, type Scene, withSeed } from "./scene.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/*
 * Two servers on one Postgres and one directory of archives append to one log. A server that dies
 * with the log locked must not block the other: Postgres releases the lock with the connection.
 */

const PUBLISHERS_EACH = 32;
/** The promise is one second. A busy machine with 64 publishers is slow without a fault. */
const GOES_ON_WITHIN_MS = 5_000;
/** Publishes of the surviving server before the fault, and again after it. */
const ACKNOWLEDGED = 30;

/** The time between the last acknowledged publish before a moment and the first one after it. */
function gapAround(times: readonly number[], momentMs: number): number {
  const before = times.findLast((timeMs) => timeMs <= momentMs) ?? momentMs;
  const after = times.find((timeMs) => timeMs > momentMs) ?? Number.POSITIVE_INFINITY;
  return after - before;
}

/**
 * Lets 64 publishers publish to both until one server dies. Returns how long the other acknowledged
 * nothing.
 */
async function killOneOf(
  { journals }: Scene,
  [killed, left]: readonly [ServerProcess, ServerProcess],
  publishers: readonly Publisher[],
  seed: number,
  kill: () => Promise<unknown>,
): Promise<number> {
  const at = ({ url }: ServerProcess) =>
    publishers.map(({ client, key }) => ({ key, client: new Client(url, client.token, client.username) }));
  const times: number[] = [];
  let running = true;
  const onNoted = (_: unknown, result: unknown) => result === 201 && times.push(performance.now());
  const driven = [
    drive({ publishers: at(killed), seed, journals, title: `killed${seed}`, running: killed.isRunning }),
    drive({ publishers: at(left), seed, journals, title: `left${seed}`, running: () => running, onNoted }),
  ];
  const died = killed.ended().then(() => performance.now());
  await waitUntil(() => times.length >= ACKNOWLEDGED, "both publish");
  await kill();
  const diedMs = await died;
  await waitUntil(() => times.filter((timeMs) => timeMs > diedMs).length >= ACKNOWLEDGED, "the other goes on");
  running = false;
  await Promise.all(driven);
  const answered = readJournals(journals).filter(({ name }) => name.startsWith(`left${seed}-`));
  expect(answered.filter(({ result }) => ![200, 201, 409, 503].includes(Number(result)))).toEqual([]);
  // Each publish waits for all others, on a busy machine longer than a write may take: then it gets
  // 503, and is safe to repeat.
  const refused = answered.filter(({ result }) => result === 503);
  if (refused.length > 0) console.warn(`Seed ${seed}: ${refused.length} of ${answered.length} publishes got 503.`);
  return gapAround(times, diedMs);
}

async function onTwoServers(play: (scene: Scene, other: ServerProcess) => Promise<void>): Promise<void> {
  await onScene("postgres", async (scene) => {
    const other = await prepareServer(scene.server.dataDir, scene.server.databaseUrl);
    try {
      await play(scene, other);
    } finally {
      await other.remove();
    }
  });
}

describe("two servers on one Postgres with 64 publishers", () => {
  const ends = [
    { how: "at any time", failpoints: undefined },
    { how: "with the log locked", failpoints: "log.appended" },
  ];
  test.each(ends)(
    "no 201 is lost and the other server goes on when one of two dies $how",
    ({ how, failpoints }) =>
      onTwoServers(async (scene, other) => {
        const { server, journals } = scene;
        await other.start();
        const publishers = await makePublishers(other.url, PUBLISHERS_EACH);
        const gaps: number[] = [];
        for (const seed of seeds(LONG ? 20 : 1)) {
          await withSeed(seed, async () => {
            const chance = new Chance(seed);
            const armed = { NODE_ENV: "test", FAILPOINTS: `${failpoints}=kill@${chance.between(60, 90)}` };
            await server.start(failpoints === undefined ? {} : armed);
            const kill = () =>
              failpoints === undefined ? Bun.sleep(chance.between(0, 300)).then(server.kill) : server.ended();
            gaps.push(await killOneOf(scene, [server, other], publishers, seed, kill));
            const { faults } = await check({ server: other, journals, titled: `killed${seed}-` });
            expect(faults).toEqual([]);
          });
        }
        console.log(`Killed ${how}: the other answered nobody for ${gaps.map(Math.round).join(", ")} ms at most.`);
        expect(Math.max(...gaps)).toBeLessThan(GOES_ON_WITHIN_MS);
      }),
    LONG ? 900_000 : 60_000,
  );
});
