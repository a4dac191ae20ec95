import { expect, test } from "bun:test";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { newAccount } from "../support/client.ts";
import { newPlace, whileRunning } from "../support/places.ts";
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
