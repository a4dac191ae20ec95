import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { newAccount } from "../support/client.ts";
import { blocksUnder, healthOf, inHome, publishHello, stopServer } from "../support/documented-tasks.ts";

/* Runs the commands of docs/operations.md for the key of the log as they are written. */

const [REPLACE = ""] = blocksUnder("Replace the log key");
const [BEGIN_ANEW = ""] = blocksUnder("Begin a new log");

test(
  "the documented replacement of the log key lets publishers and auditors go on",
  () =>
    inHome(async ({ server, run }) => {
      await server.start();
      const alice = await newAccount(server, "alice");
      expect(await publishHello(alice, "0.1.0")).toBe(201);
      const audit = `cpm-registry log audit --registry ${server.url} --json`;
      const before = JSON.parse(run(audit));
      await stopServer(server);
      const old = run("cpm-registry log key");
      run(REPLACE);
      await server.start();
      expect(run("cpm-registry log key 2> old-keys")).not.toBe(old);
      expect(await publishHello(alice, "0.2.0")).toBe(201);
      expect(JSON.parse(run(audit))).toMatchObject({ verified: true, from: before.size, size: before.size + 2 });
    }),
  120_000,
);

test(
  "the documented new log lets a registry publish again whose key is lost for ever",
  () =>
    inHome(async ({ path, server, run }) => {
      await server.start();
      const alice = await newAccount(server, "alice");
      expect(await publishHello(alice, "0.1.0")).toBe(201);
      await stopServer(server);
      rmSync(join(path, "App_Data/log.key"));
      await server.start();
      expect(await publishHello(alice, "0.2.0")).toBe(503);
      await stopServer(server);
      const [look = "", confirm = ""] = BEGIN_ANEW.trim().split("\n");
      expect(run(`${look} 2>&1`)).toContain("--yes");
      run(confirm);
      await server.start();
      expect((await healthOf(server)).status).toBe("ok");
      expect(await publishHello(alice, "0.2.0")).toBe(201);
      const audit = run(`cpm-registry log audit --registry ${server.url} --json`);
      expect(JSON.parse(audit)).toMatchObject({ verified: true, complete: true });
    }),
  120_000,
);
