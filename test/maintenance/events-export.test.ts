import { expect, test } from "bun:test";
import { appendFileSync, copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EVENT_ID_GAP } from "../../src/db/event-id-gap.ts";
import { newAccount } from "../support/client.ts";
import { newPlace, whileRunning, withPlaces } from "../support/places.ts";
import { PROGRAM } from "../support/program.ts";
import { eventsAreFinal, newAdmin } from "../support/roles.ts";
import { waitUntil } from "../support/wait-until.ts";

/* `admin events`: the audit feed as lines. */

test.each(["sqlite", "postgres"] as const)(
  "a followed export that is killed again and again has every event once (%s)",
  async (kind) => {
    const place = await newPlace(kind);
    try {
      await whileRunning(place, async (registry) => {
        const admin = await newAdmin(registry);
        const output = join(place.dataDir, "events.ndjson");
        const env = { PATH: process.env.PATH ?? "", ...place.settings };
        const linesOf = () => (existsSync(output) ? readFileSync(output, "utf8").split("\n").length - 1 : 0);
        for (let round = 0; round < 3; round += 1) {
          const before = linesOf();
          const child = Bun.spawn([...PROGRAM, "admin", "events", "--follow", "--output", output], { env, cwd: "/" });
          for (let at = 0; at < 3; at += 1) await newAccount(registry);
          await waitUntil(() => linesOf() > before, "the export writes events");
          child.kill("SIGKILL");
          await child.exited;
          // A kill in the middle of a write leaves a part of a line.
          appendFileSync(output, '{"id":1,"at":"20');
        }
        await eventsAreFinal(registry);
        expect(await place.run("admin", "events", "--output", output)).toMatchObject({ exitCode: 0, stderr: "" });
        const exported = readFileSync(output, "utf8")
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line));
        expect(exported).toEqual((await admin.get("/api/events?limit=1000")).body.items);
        expect(exported.length).toBeGreaterThan(18);

        const printed = await place.run("admin", "events", "--since", String(exported.at(-3).id));
        expect(
          printed.stdout
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line)),
        ).toEqual(exported.slice(-2));
        const since = exported[5].at;
        const [first] = (await place.run("admin", "events", "--since", since)).stdout.split("\n");
        expect(JSON.parse(first ?? "")).toEqual(exported.find(({ at }) => at >= since));
        expect((await place.run("admin", "events", "--since", "2199-01-01")).stdout).toBe("");
      });
    } finally {
      await place.remove();
    }
  },
);

const linesOf = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test.each(["sqlite", "postgres"] as const)(
  "an export goes on after a restored backup, whose events have ids that were not given out before (%s)",
  (kind) =>
    withPlaces(
      [
        [kind, "files"],
        [kind, "files"],
      ],
      async (from, to) => {
        const [backup, output] = [join(from.dataDir, "backup"), join(from.dataDir, "events.ndjson")];
        await whileRunning(from, async (registry) => void (await newAccount(registry)));
        expect((await from.run("backup", "create", backup)).exitCode).toBe(0);
        await whileRunning(from, async (registry) => {
          await newAccount(registry);
          await eventsAreFinal(registry);
        });
        expect((await from.run("admin", "events", "--output", output)).exitCode).toBe(0);
        const before = linesOf(output);
        // These commands sign nothing, so they need no key.
        const keyless = { JWT_KEY: "", LOG_SIGNING_KEY: "" };
        for (const command of [["backup", "create", join(from.dataDir, "other")], ["fsck"], ["admin", "list"]])
          expect(await from.runWith(keyless, ...command)).toMatchObject({ exitCode: 0 });
        expect((await to.run("backup", "restore", backup)).exitCode).toBe(0);
        expect(await to.run("admin", "events", "--output", output)).toMatchObject({ exitCode: 0, stderr: "" });
        expect(linesOf(output)).toEqual(before);
        await whileRunning(to, async (registry) => {
          const { username } = await newAccount(registry);
          await eventsAreFinal(registry);
          expect((await to.run("admin", "events", "--output", output)).exitCode).toBe(0);
          const added = linesOf(output).slice(before.length);
          expect(added.map(({ user }) => user)).toContain(username);
          expect(Math.min(...added.map(({ id }) => id))).toBeGreaterThan(EVENT_ID_GAP);
        });
      },
    ),
);

test("an export is not continued with an older database that was put back by hand", () =>
  withPlaces([["sqlite", "files"]], async (place) => {
    const [old, output] = [join(place.dataDir, "old.db"), join(place.dataDir, "events.ndjson")];
    const added = (times: number) =>
      whileRunning(place, async (registry) => {
        for (let at = 0; at < times; at += 1) await newAccount(registry);
      });
    const exported = () => place.run("admin", "events", "--output", output);
    await added(1);
    copyFileSync(place.databaseName, old);
    await added(2);
    expect((await exported()).exitCode).toBe(0);
    const before = readFileSync(output, "utf8");
    copyFileSync(old, place.databaseName);
    for (const times of [1, 3]) {
      await added(times);
      const reason = expect.stringContaining("an older database was put back");
      expect(await exported()).toMatchObject({ exitCode: 1, stderr: reason });
    }
    expect(readFileSync(output, "utf8")).toBe(before);
  }));

test("a csv export quotes its cells, and no cell is a formula", async () => {
  const place = await newPlace("sqlite");
  try {
    await whileRunning(place, async (registry) => {
      const at = new Date();
      const details = { note: 'say "hi", =1+1' };
      await registry.deps.db.write(({ query, tables: { events } }) =>
        query
          .insert(events)
          .values({ at, kind: "name.allowed", username: "=cmd|' /C calc'!A0", address: "+1", details }),
      );
      const output = join(place.dataDir, "events.csv");
      for (let times = 0; times < 2; times += 1) {
        expect((await place.run("admin", "events", "--format", "csv", "--output", output)).exitCode).toBe(0);
      }
      const lines = readFileSync(output, "utf8").trimEnd().split("\n");
      expect(lines[0]).toBe("id,at,kind,user,address,tokenId,package,version,details");
      expect(lines.at(-1)).toBe(
        `"${lines.length - 1}","${at.toISOString()}","name.allowed","'=cmd|' /C calc'!A0","'+1","","","","{""note"":""say \\""hi\\"", =1+1""}"`,
      );
      const mixed = await place.run("admin", "events", "--output", output);
      expect([mixed.exitCode, mixed.stderr]).toEqual([1, expect.stringContaining("has other lines")]);
      expect((await place.run("admin", "events", "--format", "xml")).exitCode).toBe(64);
      expect((await place.run("admin", "events", "--since", "yesterday")).exitCode).toBe(64);
    });
  } finally {
    await place.remove();
  }
});
