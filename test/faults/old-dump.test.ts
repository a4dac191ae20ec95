import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expectProblem, makeKey, newAccount } from "../support/client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { archiveOf, guestOf, publishIntent } from "./driver.ts";
import { onScene } from "./scene.ts";

/*
 * An operator restores a backup that is older than the newest publish: real files, real processes.
 */

const intentOf = (number: number) => ({
  name: "dumped",
  version: `1.0.${number}`,
  variant: 0,
  publisher: 0,
  sha256: "",
});

/** Does what `sqlite3 registry.db "VACUUM INTO …"` does while a server runs. */
function dump(database: string, into: string): void {
  const client = new Database(database, { readonly: true });
  try {
    client.run("VACUUM INTO ?", [into]);
  } finally {
    client.close();
  }
}

function restore(from: string, database: string): void {
  for (const suffix of ["-wal", "-shm"]) rmSync(database + suffix, { force: true });
  copyFileSync(from, database);
}

test("a registry on an old dump serves reads, refuses changes and says so, until the newest is back or an operator accepts it", () =>
  onScene("sqlite", async ({ server, journals }) => {
    await server.start();
    const database = join(server.dataDir, "registry.db");
    const [old, newest] = [join(journals, "old.db"), join(journals, "newest.db")];
    const publisher = { client: await newAccount(server, "press"), key: makeKey() };
    const publish = async (number: number) => (await publishIntent(publisher, intentOf(number))).result;
    const copied = join(server.dataDir, "log/checkpoint");
    const copy = () => (existsSync(copied) ? readFileSync(copied, "utf8") : undefined);
    const checkpoint = async () => (await guestOf(server.url).get("/log/checkpoint")).text;
    const stop = async () => {
      server.signal("SIGTERM");
      expect(await server.ended()).toEqual({ exitCode: 0, signal: null });
    };
    expect([await publish(1), await publish(2)]).toEqual([201, 201]);
    dump(database, old);
    expect([await publish(3), await publish(4)]).toEqual([201, 201]);
    await waitUntil(async () => copy() === (await checkpoint()), "the checkpoint is copied");
    const published = copy();
    await server.kill();
    copyFileSync(database, newest);
    copyFileSync(`${database}-wal`, `${newest}-wal`);

    restore(old, database);
    // The server is stopped as an operator would, and started again. That must not make it forget
    // what was published.
    for (const end of [stop, server.kill]) {
      await server.start();
      await waitUntil(() => server.output().includes("log_rollback"), "the server logs it");
      expect(server.output()).toContain(
        "The log published 4 leaves, and the 2 leaves of this database do not continue it",
      );
      const ready = await guestOf(server.url).get("/health/ready");
      expect([ready.status, ready.body.checks.log]).toEqual([503, "failing"]);
      const { client, key } = publisher;
      const { name, version } = intentOf(5);
      const refused = await client.publish(name, version, archiveOf(intentOf(5)), key);
      expectProblem(refused, 503, "log_rollback");
      expectProblem(await client.send("DELETE", "/api/packages/dumped/1.0.1"), 503, "log_rollback");
      for (const path of ["/1.0.1", "/1.0.2/download", "/1.0.2/proof", ""]) {
        expect([path, (await client.get(`/api/packages/dumped${path}`)).status]).toEqual([path, 200]);
      }
      expect((await checkpoint()).split("\n")[1]).toBe("2");
      await end();
      expect(copy()).toBe(published);
    }

    restore(newest, database);
    copyFileSync(`${newest}-wal`, `${database}-wal`);
    await server.start();
    expect((await guestOf(server.url).get("/health/ready")).status).toBe(200);
    expect([await publish(4), await publish(5)]).toEqual([200, 201]);
    expect(server.output()).not.toContain("log_rollback");

    // Or the operator accepts the loss: then the log continues from the dump.
    await waitUntil(async () => copy() === (await checkpoint()), "the checkpoint is copied");
    await server.kill();
    restore(old, database);
    expect(await server.run("log", "accept-rollback")).toMatchObject({ exitCode: 1 });
    expect(await server.run("log", "accept-rollback", "--yes")).toMatchObject({ exitCode: 0 });
    await server.start();
    expect((await guestOf(server.url).get("/health/ready")).status).toBe(200);
    expect([await publish(2), await publish(3)]).toEqual([200, 201]);
    expect((await checkpoint()).split("\n")[1]).toBe("3");
  }));
