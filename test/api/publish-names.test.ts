import { beforeAll, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, signMessage, statementOf } from "../support/client.ts";
import { onBothDatabases, tracesOf } from "../support/registry.ts";
import { eventsOf, newAdmin, withToken } from "../support/roles.ts";

/* Which names a new package may have, and whether a package takes new versions. */

onBothDatabases(
  "the name of a new package",
  (registry) => {
    let [alice, mallory, admin]: Client[] = [];
    const as = (client: Client | undefined) => client as Client;
    const keys = new Map<string, ReturnType<typeof makeKey>>();
    /** All publishers here use one key. */
    const keyOf = ({ username }: Client) => {
      const key = keys.get(username) ?? makeKey();
      keys.set(username, key);
      return key;
    };
    const publish = (by: Client | undefined, name: string, version = "1.0.0") =>
      as(by).publish(name, version, makePackage({ name, version }), keyOf(as(by)));
    const setDownloads = (name: string, downloads: number) =>
      registry().deps.db.write(async ({ query, tables: { packages } }) => {
        await query.update(packages).set({ downloads }).where(eq(packages.name, name));
      });
    const setAge = (name: string, days: number) =>
      registry().deps.db.write(async ({ query, tables: { packages } }) => {
        const createdAt = new Date(registry().deps.clock().getTime() - days * 24 * 60 * 60 * 1_000);
        await query.update(packages).set({ createdAt }).where(eq(packages.name, name));
      });
    const popular = async (name: string, downloads = 100) => {
      expect((await publish(alice, name)).status).toBe(201);
      await setDownloads(name, downloads);
      await setAge(name, 7.001);
    };
    const allow = (by: Client, name: string) => by.send("PUT", `/api/admin/allowed-names/${name}`);

    beforeAll(async () => {
      alice = await newAccount(registry(), "alice");
      mallory = await newAccount(registry(), "mallory");
      admin = await newAdmin(registry());
      await popular("learn-tools-1");
    });

    const ALIKE = ["leam-tools-1", "learn-tools-l", "learn-tools-i", "learn-t0ols-1", "learn-toois-1", "leam.t00ls_i"];
    test.each([...ALIKE, "learntools1", "learn-tools-1s", "l-e-a-r-n-tools-1", "learn-to0l-s-1-s"])(
      "is refused where it is %s and many use learn-tools-1, and nothing is left of the attempt",
      async (name) => {
        const before = await tracesOf(registry());
        const refused = await publish(mallory, name);
        expectProblem(refused, 409, "name_too_similar");
        expect(refused.body.detail).toContain("the popular package learn-tools-1.");
        const archive = makePackage({ name, version: "1.0.0" });
        const key = keyOf(as(mallory));
        const signature = signMessage(key, statementOf(name, "1.0.0", archive));
        const fields = { archive, signature, publicKey: key.publicHex };
        expectProblem(await as(mallory).publishFields(fields, "?dryRun=true"), 409, "name_too_similar");
        expect(await tracesOf(registry())).toEqual(before);
        expect((await new Client(registry().url).get(`/api/packages/${name}`)).status).toBe(404);
      },
    );

    test("is accepted where it looks different, or only few use what it resembles", async () => {
      for (const name of ["learn-tools-2", "learn-tool-kit", "lean-tools-1"]) {
        expect((await publish(mallory, name)).status).toBe(201);
      }
      await popular("rare-nuts", 99);
      expect((await publish(mallory, "rare-nut")).status).toBe(201);
      await setDownloads("rare-nuts", 100);
      expectProblem(await publish(mallory, "rarenut"), 409, "name_too_similar");
      // The package that was there first takes new versions.
      expect((await publish(mallory, "rare-nut", "2.0.0")).status).toBe(201);
    });

    test("is accepted where what it resembles has many downloads and is younger than a week", async () => {
      await popular("pumped-ups");
      await setAge("pumped-ups", 6.999);
      expect((await publish(mallory, "pumped-up")).status).toBe(201);
      await setAge("pumped-ups", 7.001);
      expectProblem(await publish(mallory, "pumpedup"), 409, "name_too_similar");
    });

    test("may resemble a package of the publisher, as long as they own it", async () => {
      await popular("modern-app");
      expect((await publish(alice, "modem-app")).status).toBe(201);
      const helper = await newAccount(registry(), "helper");
      const owners = `/api/packages/modern-app/owners/${helper.username}`;
      await as(alice).send("PUT", owners);
      expectProblem(await publish(helper, "modern-apps"), 409, "name_too_similar");
      await helper.send("PUT", owners);
      expect((await publish(helper, "modern-apps")).status).toBe(201);
      await as(alice).send("DELETE", owners);
      expectProblem(await publish(helper, "m0dern-apps"), 409, "name_too_similar");
    });

    test("is refused where the popular package that it resembles is archived or in quarantine", async () => {
      await popular("solid-0ne");
      await as(alice).send("PUT", "/api/packages/solid-0ne/status", { status: "archived" });
      expectProblem(await publish(mallory, "solid-one-s"), 409, "name_too_similar");
      await as(admin).send("PUT", "/api/packages/solid-0ne/quarantine", { reason: "Under review" });
      expectProblem(await publish(mallory, "solid-one-s"), 409, "name_too_similar");
    });

    test("is allowed by an administrator with a session, one name at a time, with one event", async () => {
      await popular("corn-field");
      const adminToken = await withToken(as(admin), ["publish-new", "owners"]);
      expectProblem(await allow(new Client(registry().url), "com-field"), 401, "unauthenticated");
      expectProblem(await allow(as(mallory), "com-field"), 403, "admin_only");
      expectProblem(await allow(adminToken, "com-field"), 403, "session_required");
      expectProblem(await allow(as(admin), "Com%20Field"), 422, "validation_failed");
      expectProblem(await publish(mallory, "com-field"), 409, "name_too_similar");
      for (const _ of ["once", "twice"]) expect((await allow(as(admin), "com-field")).status).toBe(204);
      expectProblem(await publish(mallory, "com-fields"), 409, "name_too_similar");
      expect((await publish(mallory, "com-field")).status).toBe(201);
      const recorded = await eventsOf(registry(), "name.", "com-field");
      expect(recorded.map(({ kind, by, withToken }) => [kind, by, withToken])).toEqual([
        ["name.allowed", as(admin).username, false],
      ]);
    });

    test("is refused for everybody where it differs from another name only in separators, allowed or not", async () => {
      expect((await publish(alice, "my-pkg.one")).status).toBe(201);
      await allow(as(admin), "my_pkg-one");
      for (const by of [alice, mallory]) {
        for (const name of ["my_pkg-one", "my.pkg.one", "my-pkg-one"]) {
          const refused = await publish(by, name);
          expectProblem(refused, 409, "name_taken");
          expect(refused.body.detail).toContain("my-pkg.one");
        }
      }
      expectProblem(await publish(mallory, "my-pkg.one", "2.0.0"), 403, "not_an_owner");
      expect((await publish(mallory, "mypkgone")).status).toBe(201);
    });

    test.each(["api", "cpm", "cpm_registry", "cpm.registry", "latest", "search", "con", "com1.tools", "nul"])(
      "is refused where it is the reserved %s, for everybody",
      async (name) => {
        for (const by of [mallory, admin]) {
          const refused = await publish(by, name);
          expectProblem(refused, 422, "archive_rejected");
          expect(refused.body.detail + JSON.stringify(refused.body.errors)).toContain(name);
        }
      },
    );

    test("is refused where the API token does not cover it", async () => {
      const token = await withToken(as(mallory), ["publish-new"], ["mine-*"]);
      const archive = makePackage({ name: "other", version: "1.0.0" });
      expectProblem(await token.publish("other", "1.0.0", archive, keyOf(as(mallory))), 403, "insufficient_scope");
    });

    test("stays taken by a package that is archived and takes no versions; a deprecated one takes them", async () => {
      expect((await publish(alice, "resting")).status).toBe(201);
      const setStatus = (status: string) => as(alice).send("PUT", "/api/packages/resting/status", { status });
      await setStatus("archived");
      const before = await tracesOf(registry());
      expectProblem(await publish(alice, "resting", "2.0.0"), 403, "package_archived");
      expectProblem(await publish(mallory, "resting", "2.0.0"), 403, "not_an_owner");
      expect(await tracesOf(registry())).toEqual(before);
      // A repeat of an existing version is still confirmed.
      expect((await publish(alice, "resting")).status).toBe(200);
      await setStatus("deprecated");
      expect((await publish(alice, "resting", "2.0.0")).status).toBe(201);
    });
  },
  { env: { PUBLISH_LIMITS: "off", SIMILAR_NAMES_MIN_DOWNLOADS: "100" } },
);
