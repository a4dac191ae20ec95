import { expect, test } from "bun:test";
import { cpSync, mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client, newAccount } from "../support/client.ts";
import {
  blocksUnder,
  type Home,
  healthOf,
  inHome,
  newHome,
  publishHello,
  stopServer,
} from "../support/documented-tasks.ts";
import { waitUntil } from "../support/wait-until.ts";

/* Runs the commands of docs/operations.md for backup and restore as they are written. */

const [BACK_UP = ""] = blocksUnder("Back up");
const [ON_NEW_MACHINE = ""] = blocksUnder("Restore on a new machine");
const [IN_PLACE = ""] = blocksUnder("Restore where the storage survived");
const [RECOVER = ""] = blocksUnder("Recover what an old backup lacks");

/** Publishes 0.1.0, backs up while the server runs, and publishes 0.2.0. */
async function backedUp({ server, run }: Home): Promise<Client> {
  await server.start();
  const alice = await newAccount(server, "alice");
  expect(await publishHello(alice, "0.1.0")).toBe(201);
  expect(run(BACK_UP)).toContain("no problems");
  expect(await publishHello(alice, "0.2.0")).toBe(201);
  await stopServer(server);
  return alice;
}

test(
  "what a restored backup lacks comes back with the documented commands, and the registry runs again",
  () =>
    inHome(async (home) => {
      const { server, run } = home;
      const alice = await backedUp(home);
      const published = await readFile(join(server.dataDir, "log/checkpoint"), "utf8");
      run(IN_PLACE);
      expect(run(RECOVER)).toContain("Recovered 1 leaf of the log: 1 version");
      await server.start();
      expect((await healthOf(server)).status).toBe("ok");
      expect((await new Client(server.url).get("/log/checkpoint")).text).toBe(published);
      expect((await alice.get("/api/packages/hello/0.2.0/download")).status).toBe(200);
      expect(await publishHello(alice, "0.2.0")).toBe(200);
      expect(await publishHello(alice, "0.3.0")).toBe(201);
      expect((await server.run("fsck")).exitCode).toBe(0);
    }),
  120_000,
);

test(
  "the documented restore where the storage survived starts read-only, and runs after the loss is accepted",
  () =>
    inHome(async (home) => {
      const { server, run } = home;
      const alice = await backedUp(home);
      run(IN_PLACE);
      await server.start();
      await waitUntil(() => server.output().includes("log_rollback: "), "the server logs it");
      expect(server.output()).toContain("cpm-registry log recover --dry-run says what that is");
      expect((await healthOf(server)).checks.log).toBe("failing");
      expect(await publishHello(alice, "0.2.0")).toBe(503);
      expect((await alice.get("/api/packages/hello/0.1.0/download")).status).toBe(200);
      await stopServer(server);
      expect((await server.run("log", "accept-rollback", "--yes")).exitCode).toBe(0);
      await server.start();
      expect((await healthOf(server)).status).toBe("ok");
      expect(await publishHello(alice, "0.2.0")).toBe(201);
      expect((await server.run("fsck")).exitCode).toBe(0);
    }),
  120_000,
);

test(
  "the documented restore on a new machine starts, and logs that the rollback guard is missing",
  () =>
    inHome(async (home) => {
      const alice = await backedUp(home);
      const machine = join(home.path, "new");
      mkdirSync(join(machine, "App_Data"), { recursive: true });
      cpSync(join(home.path, "backup"), join(machine, "backup"), { recursive: true });
      for (const name of ["log.key", "jwt.key"])
        cpSync(join(home.path, "App_Data", name), join(machine, "App_Data", name));
      const { server, run } = await newHome(machine);
      try {
        expect(run(ON_NEW_MACHINE)).toContain("no problems");
        await server.start();
        await waitUntil(() => server.output().includes("log_guard_missing: "), "the server logs it");
        expect(await healthOf(server)).toMatchObject({ status: "ok", warnings: ["log_guard_missing"] });
        const there = new Client(server.url, alice.token, alice.username);
        expect((await there.get("/log/checkpoint")).text.split("\n")[1]).toBe("1");
        expect(await publishHello(there, "0.3.0")).toBe(201);
        await stopServer(server);
        await server.start();
        expect((await healthOf(server)).warnings).toBeUndefined();
      } finally {
        await server.remove();
      }
    }),
  120_000,
);
