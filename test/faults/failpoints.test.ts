import { describe, expect, test } from "bun:test";
import type { DatabaseKind } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";
import { Chance, LONG, seeds } from "./chance.ts";
import { check } from "./checker.ts";
import { drive, makePublishers, type Publisher } from "./driver.ts";
import { readJournals } from "./journal.ts";
import { FILE_POINTS, LOG_POINTS } from "./points.ts";
import { onScene, type Scene, withSeed } from "./scene.ts";

/*
 * The process dies at each step of a publish, in the order of the steps, while other publishes are
 * at other steps.
 */

const PUBLISHERS = 8;
const COPIES = new Set<string>(LOG_POINTS.filter((point) => point !== "log.appended"));
/** The server dies at one of its first so many hits of the failpoint. */
const HITS_MAX = 25;
/** The checkpoint is copied a few times a second only. */
const COPIES_MAX = 4;
/** Publishers reach every failpoint much sooner. A server that lives longer never reaches it. */
const DIES_WITHIN_MS = 30_000;

async function dieAt({ server, journals }: Scene, point: string, seed: number, publishers: readonly Publisher[]) {
  const hit = new Chance(seed).between(1, COPIES.has(point) ? COPIES_MAX : HITS_MAX);
  const title = `${point.replace(".", "-")}-${seed}`;
  await server.start({ NODE_ENV: "test", FAILPOINTS: `${point}=kill@${hit}` });
  const startedMs = performance.now();
  const running = () => server.isRunning() && performance.now() - startedMs < DIES_WITHIN_MS;
  await drive({ publishers, seed, journals, title, running });
  // A failpoint that was never hit would make all checks below pass. Publishers may notice first.
  await waitUntil(() => !server.isRunning(), `the server dies at ${point}`);
  expect(await server.ended()).toEqual({ exitCode: null, signal: "SIGKILL" });
  await server.start();
  expect((await check({ server, journals, publishers, titled: `${title}-` })).faults).toEqual([]);
  // The publisher at the failpoint got no answer.
  expect(readJournals(journals).some(({ name, result }) => name.startsWith(title) && result === "none")).toBe(true);
  await server.kill();
}

for (const kind of ["sqlite", "postgres"] as const) {
  describe(`death at a step of a publish`, () => {
    const points = LONG || kind === "sqlite" ? FILE_POINTS : LOG_POINTS;
    for (const point of points) declare(kind, point);
  });
}

function declare(kind: DatabaseKind, point: string): void {
  const all = seeds(LONG ? 20 : 1);
  test(
    `a server on ${kind} that dies at ${point} keeps every 201, and the rest is whole or absent (seeds ${all})`,
    () =>
      onScene(kind, async (scene) => {
        await scene.server.start();
        const publishers = await makePublishers(scene.server.url, PUBLISHERS);
        await scene.server.kill();
        for (const seed of all) await withSeed(seed, () => dieAt(scene, point, seed, publishers));
      }),
    LONG ? 600_000 : 60_000,
  );
}
