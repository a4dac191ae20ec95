import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases, startRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const CLIENTS = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] as const;

onBothDatabases("contention", (registry) => {
  test("no session of an old password outlives a password change, however the two race", async () => {
    const alice = await newAccount(registry());
    const guest = new Client(registry().url);
    const tokens: string[] = [];
    let running = true;
    const loginWithOld = async () => {
      while (running) {
        const { status, body } = await guest.post("/api/auth/login", { username: alice.username, password: PASSWORD });
        if (status === 200) tokens.push(body.token);
      }
    };
    const racers = Array.from({ length: 6 }, loginWithOld);
    await waitUntil(() => tokens.length > 0, "a login succeeds");
    const change = { currentPassword: PASSWORD, newPassword: "a whole new passphrase" };
    expect((await alice.post("/api/auth/password", change)).status).toBe(204);
    running = false;
    await Promise.all(racers);
    expect(tokens.length).toBeGreaterThan(0);
    const alive = await Promise.all(tokens.map((token) => new Client(registry().url, token).get("/api/auth/me")));
    expect(alive.map(({ status }) => status)).toEqual(tokens.map(() => 401));
  });

  test("downloads of many versions are all counted by overlapping flushes", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const { db, downloads } = registry().deps;
    for (const version of ["1.0.0", "1.1.0"]) {
      await alice.publish("counted", version, makePackage({ name: "counted", version }), key);
    }
    const rows = await db.read(({ query, tables: { versions } }) =>
      query.select({ versionId: versions.id, packageId: versions.packageId }).from(versions),
    );
    // Ids without a row stand for versions of other replicas' chunks. They change nothing.
    for (let id = 1_000_000; id < 1_001_200; id += 1)
      downloads.count({ name: "none", versionId: id, packageId: id }, null);
    for (const row of rows)
      for (const address of CLIENTS.slice(1)) downloads.count({ ...row, name: "counted" }, address);
    const first = downloads.flush();
    for (const row of rows) downloads.count({ ...row, name: "counted" }, CLIENTS[0]);
    await Promise.all([first, downloads.flush()]);
    const { body } = await alice.get("/api/packages/counted");
    expect(body.versions.map((version: { downloads: number }) => version.downloads)).toEqual([4, 4]);
    expect(body.downloads).toBe(8);
  });
});

test("a lock that another process holds on SQLite delays writers, and no reader", async () => {
  const registry = await startRegistry("sqlite");
  const other = new Database(join(registry.dataDir, "registry.db"));
  try {
    const alice = await newAccount(registry);
    other.run("BEGIN IMMEDIATE");
    const login = alice.post("/api/auth/login", { username: alice.username, password: PASSWORD });
    // A registry that blocked on the lock would answer no probe until the lock's deadline, and the
    // login would fail.
    for (let probe = 0; probe < 20; probe += 1) {
      expect((await alice.get("/health/live")).status).toBe(200);
      // The login hashes a password first, and reaches the lock while probes go on.
      await Bun.sleep(20);
    }
    other.run("ROLLBACK");
    expect((await login).status).toBe(200);
  } finally {
    other.close();
    await registry.stop();
  }
});

test("writers that queue for one package on Postgres leave connections for readers", async () => {
  const registry = await startRegistry("postgres");
  try {
    const alice = await newAccount(registry);
    const key = makeKey();
    await alice.publish("hot", "1.0.0", makePackage({ name: "hot", version: "1.0.0" }), key);
    await alice.publish("cool", "1.0.0", makePackage({ name: "cool", version: "1.0.0" }), key);
    const yank = (n: number) => alice.send("DELETE", "/api/packages/hot/1.0.0", { message: `message ${n}` });
    const storm = Promise.all(Array.from({ length: 250 }, (_, n) => yank(n)));
    const reads: number[] = [];
    const finished = storm.then(() => "finished");
    // Reads follow each other with short pauses for as long as writers queue.
    while ((await Promise.race([finished, Bun.sleep(5)])) !== "finished") {
      reads.push((await alice.get("/api/packages/cool")).status);
    }
    expect(reads.length).toBeGreaterThan(3);
    expect(new Set(reads)).toEqual(new Set([200]));
    const yanked = (await storm).map(({ status }) => status);
    expect(yanked).toContain(200);
    // On a busy machine a writer may wait longer than a write may take: 503, and safe to repeat.
    expect(yanked.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  } finally {
    await registry.stop();
  }
});
