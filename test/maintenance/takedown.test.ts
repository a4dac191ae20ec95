import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, newAccount } from "../support/client.ts";
import { type StorageKind, whileRunning, withPlaces } from "../support/places.ts";
import type { DatabaseKind } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";
import { s3Missing } from "../support/s3.ts";
import { plant } from "./scene.ts";
import {
  BECAUSE,
  collectStatistics,
  expectCleanAudit,
  expectGone,
  KEY,
  MARKER,
  marked,
  publish,
  readEverything,
  traces,
} from "./takedown-scene.ts";

/* `admin purge`: what is refused, and what is left. test/faults/takedown.test.ts kills it. */

const KINDS: readonly (readonly [DatabaseKind, StorageKind])[] = [
  ["sqlite", "files"],
  ["postgres", "s3"],
];

for (const [database, storage] of KINDS) {
  describe.skipIf(storage === "s3" && s3Missing !== undefined)(`admin purge (${database}, ${storage})`, () => {
    test("of a version answers 451, keeps its leaf, burns its number, and leaves no byte of it", () =>
      withPlaces([[database, storage]], async (place) => {
        await whileRunning(place, async (registry) => {
          const [ada, admin, guest] = [await newAccount(registry), await newAdmin(registry), new Client(registry.url)];
          await publish(ada, "leaky", "1.0.0");
          const bytes = marked("leaky", "1.1.0");
          const digest = await publish(ada, "leaky", "1.1.0", bytes);
          await readEverything(registry, "leaky/1.1.0");
          expect((await guest.get(`/api/packages?search=${MARKER}description`)).body.total).toBe(1);
          const words = { reason: "broken", message: `${MARKER}yank`, replacement: "1.0.0" };
          expect((await ada.send("DELETE", "/api/packages/leaky/1.1.0", words)).status).toBe(200);
          await collectStatistics(place);
          expect((await traces(place)).length).toBeGreaterThan(0);

          const purged = await place.run("admin", "purge", "leaky", "1.1.0", ...BECAUSE, "--json");
          expect([purged.stderr, purged.exitCode]).toEqual(["", 0]);
          expect(JSON.parse(purged.stdout)).toMatchObject({
            ...{ name: "leaky", version: "1.1.0", changed: true, reason: "secret", versions: 1 },
            ...{ removed: [digest], remaining: [], databaseScrubbed: true },
          });
          await expectGone(registry, "leaky/1.1.0", "secret");
          expect(await traces(place)).toEqual([]);

          const shown = (await guest.get("/api/packages/leaky")).body;
          expect([shown.latest, shown.description, shown.tags]).toEqual(["1.0.0", "A package made for a test", []]);
          const tombstone = {
            version: "1.1.0",
            sha256: digest,
            takedown: { reason: "secret", at: expect.any(String) },
          };
          expect(shown.versions[0]).toMatchObject({ ...tombstone, description: "", tags: [] });
          expect((await guest.get(`/api/packages?search=${MARKER}description`)).body.items).toEqual([]);
          await readEverything(registry, "leaky/1.0.0");

          for (const again of [bytes, makePackage({ name: "leaky", version: "1.1.0" })]) {
            expectProblem(await ada.publish("leaky", "1.1.0", again, KEY), 451, "taken_down");
          }
          expectProblem(await ada.send("DELETE", "/api/packages/leaky/1.1.0", words), 451, "taken_down");
          expectProblem(await ada.post("/api/packages/leaky/1.1.0"), 451, "taken_down");
          await publish(ada, "leaky", "1.2.0");
          const events = (await guest.get("/api/packages/leaky/events")).body.items;
          expect(events.find(({ kind }: { kind: string }) => kind === "version.taken_down").details).toEqual({
            reason: "secret",
          });
          const seen = (await admin.get("/api/events?limit=1000")).body.items;
          expect(JSON.stringify(seen)).toContain("ticket 4711");
          await expectCleanAudit(place, registry, "1 are withheld or taken down");

          const repeated = await place.run("admin", "purge", "leaky", "1.1.0", ...BECAUSE);
          expect(repeated).toMatchObject({
            exitCode: 0,
            stderr: "",
            stdout: expect.stringMatching(/was taken down before[\s\S]*Clean what this command cannot reach/),
          });
          if (storage === "files") await plant(join(place.dataDir, "packages"), bytes, 0);
          const { problems } = JSON.parse((await place.run("fsck", "--json")).stdout);
          expect(problems.length).toBe(storage === "files" ? 1 : 0);
          for (const { detail } of problems) {
            const command = detail.slice(detail.indexOf("cpm-registry ")).split(" ").slice(1);
            expect((await place.run(...command)).stdout).toContain("Removed 1 archive.");
          }
          expect((await place.run("fsck")).stdout).toContain("no problems");
        });
      }));

    test("of a package withholds all of it, and nobody can publish under its name", () =>
      withPlaces([[database, storage]], async (place) => {
        await whileRunning(place, async (registry) => {
          const [ada, guest] = [await newAccount(registry), new Client(registry.url)];
          for (const version of ["1.0.0", "2.0.0"]) await publish(ada, "whole", version, marked("whole", version));
          const status = { status: "deprecated", message: `${MARKER}status` };
          expect((await ada.send("PUT", "/api/packages/whole/status", status)).status).toBe(200);
          const purged = await place.run(
            "admin",
            "purge",
            "whole",
            "--reason",
            "legal",
            "--reference",
            "order 1",
            "--yes",
          );
          expect([purged.stderr, purged.exitCode]).toEqual(["", 0]);
          for (const version of ["1.0.0", "2.0.0"]) await expectGone(registry, `whole/${version}`, "legal");
          expectProblem(await guest.get("/api/packages/whole"), 451, "taken_down");
          expectProblem(await guest.get("/api/packages/whole/latest"), 451, "taken_down");
          expectProblem(await ada.send("PUT", "/api/packages/whole/status", status), 451, "taken_down");
          expect((await guest.get("/api/packages")).body.total).toBe(0);
          expectProblem(
            await ada.publish("whole", "3.0.0", makePackage({ name: "whole", version: "3.0.0" }), KEY),
            451,
            "taken_down",
          );
          expect(await traces(place)).toEqual([]);
          await expectCleanAudit(place, registry, "2 are withheld or taken down");
        });
      }));
  });
}

describe("admin purge", () => {
  test("without --yes, with an unknown reason, or of what is not there changes nothing", () =>
    withPlaces([["sqlite", "files"]], async (place) => {
      await whileRunning(place, async (registry) => {
        await publish(await newAccount(registry), "kept", "1.0.0");
        const codes = async (...args: string[]) => (await place.run("admin", "purge", ...args)).exitCode;
        expect(await codes("kept", "1.0.0", ...BECAUSE.slice(0, 4))).toBe(64);
        expect(await codes("kept", "1.0.0", "--reason", "whim", "--reference", "x", "--yes")).toBe(64);
        expect(await codes("kept", "9.0.0", ...BECAUSE)).toBe(1);
        expect(await codes("absent", ...BECAUSE)).toBe(1);
        await readEverything(registry, "kept/1.0.0");
      });
    }));
});
