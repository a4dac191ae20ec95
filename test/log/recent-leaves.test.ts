import { afterAll, beforeAll, expect, test } from "bun:test";
import { RecentLeaves, recentFiles } from "../../src/log/recent-leaves.ts";
import { noFailpoints } from "../../src/runtime/failpoints.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry("sqlite");
});
afterAll(() => registry.stop());

/** Leaves a file as an offline command does, with the leaves up to the index `to`. */
const leave = (to: number) => registry.deps.blobs.putRecent(`recovery/recent/0-${to}-${crypto.randomUUID()}`, "\n");
const left = async () => (await recentFiles(registry.deps.blobs)).map(({ to }) => to);
const newServer = (listEveryMs: number) =>
  new RecentLeaves({ ...registry.deps, failpoints: noFailpoints }, 0, listEveryMs);

test("a running server removes the files of offline commands once its tiles have their leaves", async () => {
  const server = newServer(0);
  for (const _ of ["at the start", "later"]) {
    await leave(3);
    await leave(7);
    await server.forget(6);
    expect(await left()).toEqual([7]);
    await server.forget(7);
    expect(await left()).toEqual([]);
  }
});

test("a running server does not list the files of others at each commit", async () => {
  const server = newServer(60_000);
  await server.forget(1);
  await leave(1);
  await server.forget(2);
  expect(await left()).toEqual([1]);
});
