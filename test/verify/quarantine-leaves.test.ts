import { afterAll, beforeAll, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { parseLeaf } from "../../src/tlog/leaf.ts";
import { runOffline } from "../maintenance/scene.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { untilLockWaiters } from "../support/lock-waiters.ts";
import { clientOf, onBothDatabases } from "../support/registry.ts";
import { eventsOf, newAdmin } from "../support/roles.ts";
import { Verifier } from "./scene.ts";

/*
 * A quarantine is a leaf of the log, so that an auditor can tell it from an archive that was lost.
 */

/** Commands are processes of their own, which start slowly on a busy machine. */
const LIMIT_MS = 60_000;
const KIND = /^cpm\.status\/v1 /;

onBothDatabases("status leaves of quarantines", (registry) => {
  const [people, key]: [Verifier[], ReturnType<typeof makeKey>] = [[], makeKey()];
  let admin: Client;
  let owner: Client;
  const archiveOf = (name: string, version: string) => makePackage({ name, version });
  const publish = async (name: string, ...versions: string[]) => {
    for (const version of versions) {
      expect((await owner.publish(name, version, archiveOf(name, version), key)).status).toBe(201);
    }
  };
  const hold = async (path: string, body: object) => {
    const answer = await admin.send("PUT", `/api/packages/${path}/quarantine`, body);
    expect([path, answer.status]).toEqual([path, 200]);
  };
  const release = async (path: string) => {
    expect((await admin.send("DELETE", `/api/packages/${path}/quarantine`)).status).toBe(200);
  };
  /** The status leaves of a package, in the order of the log, each on one line. */
  const leavesOf = async (name: string): Promise<string[]> => {
    const { body } = await owner.get(`/api/packages/${name}/log`);
    const leaves: string[] = body.entries.map(({ leaf }: { leaf: string }) => leaf);
    for (const leaf of leaves) expect(parseLeaf(leaf)).toBeDefined();
    return leaves.filter((leaf) => KIND.test(leaf)).map((leaf) => leaf.trimEnd().replace("\n", ", "));
  };
  const somebody = async () => {
    const person = await Verifier.make();
    people.push(person);
    return person;
  };
  const audit = async (person: Verifier) => {
    const asked = await person.ask("log", "audit", "--registry", registry().url, "--archives");
    const archives = asked.answer.checks.find(({ check }: { check: string }) => check === "archives");
    return { exitCode: asked.exitCode, codes: asked.codes, result: archives.result, detail: archives.detail };
  };

  beforeAll(async () => {
    [admin, owner] = [await newAdmin(registry()), await newAccount(registry())];
  });
  afterAll(async () => {
    for (const person of people) await person.remove();
  });

  test("a quarantine over the API is a leaf when its action or category changes, not when its reason does", async () => {
    await publish("held-api", "1.0.0", "1.1.0+build");
    await hold("held-api/1.1.0", { reason: "first" });
    await hold("held-api/1.1.0", { reason: "second" });
    await hold("held-api/1.1.0", { reason: "second", category: "malware" });
    await hold("held-api/1.1.0", { reason: "third" });
    await hold("held-api", { reason: "all of it", category: "legal" });
    for (const _ of ["once", "twice"]) await release("held-api/1.1.0");
    await release("held-api");
    await hold("held-api/1.1.0", { reason: "again", category: "secret" });
    await release("held-api/1.1.0");
    await release("held-api/1.0.0");
    expect(await leavesOf("held-api")).toEqual([
      "cpm.status/v1 held-api 1.1.0+build 1 quarantine, reason policy",
      "cpm.status/v1 held-api 1.1.0+build 2 quarantine, reason malware",
      "cpm.status/v1 held-api * 1 quarantine, reason legal",
      "cpm.status/v1 held-api 1.1.0+build 3 release, reason malware",
      "cpm.status/v1 held-api * 2 release, reason legal",
      "cpm.status/v1 held-api 1.1.0+build 4 quarantine, reason secret",
      "cpm.status/v1 held-api 1.1.0+build 5 release, reason secret",
    ]);
    const events = await eventsOf(registry(), "version.quarantined", "held-api");
    expect(events.map(({ details }) => details)).toEqual([
      { reason: "first", category: "policy" },
      { reason: "second", category: "policy" },
      { reason: "second", category: "malware" },
      { reason: "third", category: "malware" },
      { reason: "again", category: "secret" },
    ]);
    const answer = await admin.send("PUT", "/api/packages/held-api/quarantine", { reason: "x", category: "spam" });
    expect([answer.status, answer.body.errors]).toEqual([
      422,
      [{ path: "/category", message: "must be one of legal, secret, malware, policy" }],
    ]);
  });

  test(
    "admin quarantine writes the leaf of its category, and --lift repeats it",
    async () => {
      await publish("held-offline", "1.0.0");
      const run = async (...args: string[]) => {
        const { exitCode, stderr } = await runOffline(registry(), "admin", "quarantine", "held-offline", ...args);
        return [exitCode, stderr.split("\n")[0]];
      };
      expect(await run("1.0.0", "--reason", "bad", "--category", "malware")).toEqual([0, ""]);
      expect(await run("1.0.0", "--lift")).toEqual([0, ""]);
      expect(await run("--reason", "bad")).toEqual([0, ""]);
      expect(await run("--lift")).toEqual([0, ""]);
      expect(await leavesOf("held-offline")).toEqual([
        "cpm.status/v1 held-offline 1.0.0 1 quarantine, reason malware",
        "cpm.status/v1 held-offline 1.0.0 2 release, reason malware",
        "cpm.status/v1 held-offline * 1 quarantine, reason policy",
        "cpm.status/v1 held-offline * 2 release, reason policy",
      ]);
      const rule = "--category needs one of legal, secret, malware, policy, and goes with --reason.";
      expect(await run("--reason", "bad", "--category", "spam")).toEqual([64, rule]);
      expect(await run("--lift", "--category", "legal")).toEqual([64, rule]);
    },
    LIMIT_MS,
  );

  test(
    "an audit passes with a warning about a quarantined version, and verify reports the quarantine",
    async () => {
      await publish("warned-of", "1.0.0", "2.0.0");
      await hold("warned-of/2.0.0", { reason: "Sends passwords", category: "malware" });
      const person = await somebody();
      const held = await audit(person);
      expect([held.exitCode, held.codes, held.result]).toEqual([0, [], "warning"]);
      expect(held.detail).toContain("warned-of 2.0.0");
      const archive = await person.file("warned-of.cpm", archiveOf("warned-of", "2.0.0"));
      const { exitCode, answer } = await person.ask("verify", archive, "--registry", registry().url);
      const status = answer.checks.find(({ check }: { check: string }) => check === "registry status");
      expect([exitCode, status.result]).toEqual([0, "warning"]);
      expect(status.detail).toContain("it is in quarantine: Sends passwords");
      await release("warned-of/2.0.0");
      const released = await audit(person);
      expect([released.exitCode, released.codes, released.result]).toEqual([0, [], "ok"]);
    },
    LIMIT_MS,
  );

  test(
    "an audit reports a quarantine that was set in the database alone, and an administrator's quarantine adds the missing leaf",
    async () => {
      await publish("unlogged", "1.0.0");
      const setRow = (quarantine: { quarantinedAt: Date | null; quarantineReason: string | null }) =>
        registry().deps.db.write(async (session) => {
          session.invalidate("unlogged");
          const { packages } = session.tables;
          await session.query.update(packages).set(quarantine).where(eq(packages.name, "unlogged"));
        });
      await setRow({ quarantinedAt: new Date(), quarantineReason: "quietly" });
      const found = await audit(await somebody());
      expect([found.exitCode, found.codes]).toEqual([1, ["withheld_unlogged", "withheld_unlogged"]]);
      await hold("unlogged", { reason: "quietly" });
      expect((await audit(await somebody())).exitCode).toBe(0);
      await setRow({ quarantinedAt: null, quarantineReason: null });
      await release("unlogged");
      expect(await leavesOf("unlogged")).toEqual([
        "cpm.status/v1 unlogged * 1 quarantine, reason policy",
        "cpm.status/v1 unlogged * 2 release, reason policy",
      ]);
    },
    LIMIT_MS,
  );

  test("a quarantine locks the log after everything else", async () => {
    await publish("held-last", "1.0.0");
    // On SQLite a writer has the whole database.
    if (registry().kind !== "postgres") return;
    const sql = clientOf(registry());
    let holding: Promise<void> | undefined;
    await sql.begin(async (other) => {
      await other`UPDATE listed_packages SET listed = listed`;
      holding = hold("held-last", { reason: "x" });
      await untilLockWaiters(registry(), 1);
      expect((await sql`SELECT size FROM log_state FOR UPDATE NOWAIT`).length).toBe(1);
    });
    await holding;
    await sql.end();
  });
});
