import { describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareServer, type ServerProcess } from "../faults/server.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { blocksOf, readDocument } from "./documents.ts";

/*
 * Runs the commands of docs/operations.md for backup and restore as they are written: with a quiet
 * registry, and with one that publishes between the copy of the database and that of the archives.
 */

const hasSqlite = Bun.which("sqlite3") !== null;
if (!hasSqlite) console.warn("The backup of the documents is not tried: there is no sqlite3.");

const SETTINGS = { JWT_KEY: "", LOG_SIGNING_KEY: "" };
const key = makeKey();

function block(heading: string): string {
  const found = blocksOf(readDocument("docs/operations.md")).find((block) => block.heading === heading);
  if (found === undefined) throw new Error(`docs/operations.md has no block under ${heading}`);
  return found.text;
}

function run(cwd: string, script: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-euc", script], { cwd });
  expect([stderr.toString(), exitCode]).toEqual(["", 0]);
}

async function publish(by: Client, version: string): Promise<number> {
  return (await by.publish("hello", version, makePackage({ name: "hello", version }), key)).status;
}

const checkpoint = async ({ url }: ServerProcess) => (await new Client(url).get("/log/checkpoint")).text;
const health = async ({ url }: ServerProcess) => (await new Client(url).get("/health")).body;

async function stop(server: ServerProcess): Promise<void> {
  server.signal("SIGTERM");
  expect(await server.ended()).toEqual({ exitCode: 0, signal: null });
}

/**
 * Backs up with the documented commands, and publishes 0.2.0 afterwards, and in between if
 * `isBusy`.
 */
async function backedUp(home: string, server: ServerProcess, isBusy: boolean): Promise<Client> {
  await server.start();
  const alice = await newAccount(server, "alice");
  expect(await publish(alice, "0.1.0")).toBe(201);
  const [database = "", archives = ""] = block("Back up").split(/^(?=cp )/m);
  run(home, database);
  if (isBusy) expect(await publish(alice, "0.1.1")).toBe(201);
  run(home, archives);
  expect(await publish(alice, "0.2.0")).toBe(201);
  await stop(server);
  return alice;
}

async function onHome(play: (home: string, server: ServerProcess) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "cpm-backup-"));
  const server = await prepareServer(join(home, "App_Data"), undefined, SETTINGS);
  try {
    await play(home, server);
  } finally {
    await server.remove();
    rmSync(home, { recursive: true, force: true });
  }
}

describe.skipIf(!hasSqlite && !process.env.CI).each([
  ["a quiet registry", false],
  ["a registry that publishes meanwhile", true],
])("the documented backup of %s", (_, isBusy) => {
  test(
    "a backup that is restored in place starts read-only with log_rollback, and runs after the loss is accepted",
    () =>
      onHome(async (home, server) => {
        const alice = await backedUp(home, server, isBusy);
        run(home, block("Restore"));
        await server.start();
        await waitUntil(() => server.output().includes("log_rollback: "), "the server logs it");
        expect((await health(server)).checks.log).toBe("failing");
        expect(await publish(alice, "0.2.0")).toBe(503);
        expect((await alice.get("/api/packages/hello/0.1.0/download")).status).toBe(200);
        await stop(server);
        expect((await server.run("log", "accept-rollback", "--yes")).exitCode).toBe(0);
        await server.start();
        expect((await health(server)).status).toBe("ok");
        expect(await publish(alice, "0.2.0")).toBe(201);
        expect((await server.run("fsck")).exitCode).toBe(0);
      }),
    120_000,
  );

  test(
    "a backup that is restored on a new machine starts, and logs that the rollback guard is missing",
    () =>
      onHome(async (home, first) => {
        const alice = await backedUp(home, first, isBusy);
        const machine = join(home, "new");
        mkdirSync(join(machine, "App_Data"), { recursive: true });
        cpSync(join(home, "backup"), join(machine, "backup"), { recursive: true });
        cpSync(join(home, "App_Data/log.key"), join(machine, "App_Data/log.key"));
        run(machine, block("Restore").replace(/^mv .*\n/m, ""));
        const server = await prepareServer(join(machine, "App_Data"), undefined, SETTINGS);
        try {
          await server.start();
          await waitUntil(() => server.output().includes("log_guard_missing: "), "the server logs it");
          expect(await health(server)).toMatchObject({ status: "ok", warnings: ["log_guard_missing"] });
          expect((await checkpoint(server)).split("\n")[1]).toBe("1");
          const there = new Client(server.url, alice.token, alice.username);
          expect(await publish(there, "0.3.0")).toBe(201);
          await stop(server);
          await server.start();
          expect((await health(server)).warnings).toBeUndefined();
        } finally {
          await server.remove();
        }
      }),
    120_000,
  );
});
