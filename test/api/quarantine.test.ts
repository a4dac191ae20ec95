import { afterEach, beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, overriding } from "../support/registry.ts";
import { eventsOf, newAdmin, withToken } from "../support/roles.ts";

const CONTENTS = ["download", "files", "readme", "manifest", "values"] as const;
const REASON = "Sends passwords to a stranger ✓";

onBothDatabases("quarantine", (registry) => {
  let [admin, owner]: Client[] = [];
  const as = (client: Client | undefined) => client as Client;
  const guest = () => new Client(registry().url);
  const get = (path: string, headers?: Record<string, string>) => guest().get(`/api/packages/${path}`, headers);
  const key = makeKey();
  const publish = async (name: string, ...versions: string[]) => {
    for (const version of versions) {
      const archive = makePackage({ name, version, description: `Gizmo ${version}` });
      expect((await as(owner).publish(name, version, archive, key)).status).toBe(201);
    }
  };
  const hold = (path: string, reason: unknown = REASON) =>
    as(admin).send("PUT", `/api/packages/${path}/quarantine`, { reason });
  const release = (path: string) => as(admin).send("DELETE", `/api/packages/${path}/quarantine`);
  const listed = async (query: string): Promise<string[]> =>
    (await get(query)).body.items.map(({ name }: Json) => name);

  async function expectHeldBack(path: string) {
    for (const part of CONTENTS) {
      for (const headers of [{}, { range: "bytes=0-1" }, { "if-none-match": "*" }] as const) {
        const answer = await get(`${path}/${part}`, headers);
        expectProblem(answer, 403, "quarantined");
        expect(answer.body.detail).toContain(REASON);
        expect(answer.headers.get("cache-control")).toBe("no-store");
      }
    }
    for (const part of CONTENTS) {
      expect((await guest().send("HEAD", `/api/packages/${path}/${part}`)).status).toBe(403);
    }
  }

  async function expectGivenOut(path: string) {
    for (const part of CONTENTS) expect([part, (await get(`${path}/${part}`)).status]).toEqual([part, 200]);
    expect((await guest().send("HEAD", `/api/packages/${path}/download`)).status).toBe(200);
  }

  beforeAll(async () => {
    [admin, owner] = [await newAdmin(registry()), await newAccount(registry(), "owner")];
  });
  afterEach(() => {
    registry().now = undefined;
  });

  test("of a version refuses its contents at once, cached downloads too, and shows the reason", async () => {
    await publish("parts", "1.0.0", "1.1.0");
    await expectGivenOut("parts/1.1.0");
    const held = await hold("parts/1.1.0");
    expect([held.status, held.body]).toEqual([200, (await get("parts/1.1.0")).body]);
    expect(held.body.quarantine).toEqual({ reason: REASON, at: expect.any(String) });
    expect([held.body.yanked, (await get("parts")).body.quarantine]).toEqual([false, null]);
    await expectHeldBack("parts/1.1.0");
    expect((await get("parts/1.1.0/signature")).status).toBe(200);
    await expectGivenOut("parts/1.0.0");
    await expectGivenOut("parts/latest");
    expect([(await get("parts")).body.latest, (await get("parts")).body.description]).toEqual(["1.0.0", "Gizmo 1.0.0"]);
    const back = await release("parts/1.1.0");
    expect([back.status, back.body.quarantine]).toEqual([200, null]);
    await expectGivenOut("parts/1.1.0");
    expect((await get("parts")).body.latest).toBe("1.1.0");
  });

  test("of every version takes the package out of lists, and a yank and a quarantine do not undo each other", async () => {
    await publish("alone", "1.0.0");
    await hold("alone/1.0.0");
    expect([await listed("?search=alone"), (await get("alone")).body.latest]).toEqual([[], null]);
    expectProblem(await get("alone/latest/download"), 404, "version_not_found");
    await as(owner).send("DELETE", "/api/packages/alone/1.0.0");
    await as(owner).post("/api/packages/alone/1.0.0");
    expect([await listed("?search=alone"), (await get("alone")).body.latest]).toEqual([[], null]);
    await expectHeldBack("alone/1.0.0");
    await as(owner).send("DELETE", "/api/packages/alone/1.0.0");
    await release("alone/1.0.0");
    expect(await listed("?search=alone")).toEqual([]);
    await as(owner).post("/api/packages/alone/1.0.0");
    expect([await listed("?search=alone"), (await get("alone")).body.latest]).toEqual([["alone"], "1.0.0"]);
  });

  test("of a package refuses the contents of all its versions, later ones too, and takes it out of lists and latest", async () => {
    await publish("whole", "1.0.0", "1.1.0");
    await expectGivenOut("whole/1.0.0");
    const held = await hold("whole");
    expect([held.status, held.body]).toEqual([200, (await get("whole")).body]);
    expect(held.body).toMatchObject({ latest: null, quarantine: { reason: REASON } });
    for (const version of held.body.versions) expect(version.quarantine.reason).toBe(REASON);
    for (const version of ["1.0.0", "1.1.0", "latest"]) await expectHeldBack(`whole/${version}`);
    expect((await get("whole/1.0.0")).body.quarantine.reason).toBe(REASON);
    for (const query of ["?search=whole", "?sort=name", `?author=${as(owner).username}`, "?search=whole1"]) {
      expect([query, (await listed(query)).includes("whole")]).toEqual([query, false]);
    }
    const latest = await get("whole/latest");
    expectProblem(latest, 404, "version_not_found");
    expect(latest.body.detail).toContain("in quarantine");
    await as(owner).send("DELETE", "/api/packages/whole/1.1.0");
    expect((await get("whole")).body.latest).toBeNull();
    await hold("whole/1.0.0");
    await release("whole");
    await expectHeldBack("whole/1.0.0");
    await expectGivenOut("whole/1.1.0");
    await release("whole/1.0.0");
    expect([(await get("whole")).body.latest, await listed("?search=whole")]).toEqual(["1.0.0", ["whole"]]);
  });

  test("is for administrators with a password session", async () => {
    await publish("guarded", "1.0.0");
    const token = await withToken(as(admin), ["read", "publish-new", "publish-update", "yank", "owners"]);
    for (const path of ["guarded/quarantine", "guarded/1.0.0/quarantine"]) {
      for (const method of ["PUT", "DELETE"]) {
        const send = (client: Client) =>
          client.send(method, `/api/packages/${path}`, method === "PUT" ? { reason: "mine" } : undefined);
        expectProblem(await send(guest()), 401, "unauthenticated");
        expectProblem(await send(as(owner)), 403, "admin_only");
        expectProblem(await send(token), 403, "session_required");
      }
    }
    expectProblem(await hold("unheard-of"), 404, "package_not_found");
    expectProblem(await release("unheard-of"), 404, "package_not_found");
    expectProblem(await hold("guarded/9.9.9"), 404, "version_not_found");
    expectProblem(await hold("guarded/latest"), 404, "version_not_found");
    await expectGivenOut("guarded/1.0.0");
    expect(await eventsOf(registry(), "package.quarantined", "guarded")).toEqual([]);
  });

  const BAD_REASONS = [undefined, "", 7, null, "two\nlines", "a\0b", "x".repeat(301)];
  test.each(BAD_REASONS)("without a reason in one line (%p) is refused", async (reason) => {
    for (const path of ["guarded", "guarded/1.0.0"]) {
      const answer = await as(admin).send("PUT", `/api/packages/${path}/quarantine`, { reason });
      expectProblem(answer, 422, "validation_failed");
      expect(answer.body.errors[0].path).toBe("/reason");
    }
    await expectGivenOut("guarded/1.0.0");
  });

  test("is one event, keeps the time of the first request, and does not move the package in lists", async () => {
    await publish("told-of", "1.0.0");
    const before = (await get("told-of")).body.updatedAt;
    const start = Date.now() + 60_000;
    for (const path of ["told-of", "told-of/1.0.0"]) {
      registry().now = new Date(start);
      await hold(path, "first");
      registry().now = new Date(start + 60_000);
      await hold(path, "first");
      const at = new Date(start).toISOString();
      expect((await hold(path, "second")).body.quarantine).toEqual({ reason: "second", at });
      for (const _ of ["once", "twice"]) await release(path);
    }
    expect((await get("told-of")).body.updatedAt).toBe(before);
    const recorded = [
      ...(await eventsOf(registry(), "package.quarantined", "told-of")),
      ...(await eventsOf(registry(), "package.released", "told-of")),
      ...(await eventsOf(registry(), "version.quarantined", "told-of")),
      ...(await eventsOf(registry(), "version.released", "told-of")),
    ];
    expect(new Set(recorded.map(({ by }) => by))).toEqual(new Set([as(admin).username]));
    expect(recorded.map(({ kind, version, details }) => [kind, version, details])).toEqual([
      ["package.quarantined", null, { reason: "first", category: "policy" }],
      ["package.quarantined", null, { reason: "second", category: "policy" }],
      ["package.released", null, {}],
      ["version.quarantined", "1.0.0", { reason: "first", category: "policy" }],
      ["version.quarantined", "1.0.0", { reason: "second", category: "policy" }],
      ["version.released", "1.0.0", {}],
    ]);
  });

  test("a name is allowed by an administrator with one event, however often", async () => {
    const path = "/api/admin/allowed-names/num-py";
    expectProblem(await guest().send("PUT", path), 401, "unauthenticated");
    expectProblem(await as(owner).send("PUT", path), 403, "admin_only");
    const bad = await as(admin).send("PUT", "/api/admin/allowed-names/Num%20Py");
    expectProblem(bad, 422, "validation_failed");
    for (const _ of ["once", "twice"]) {
      const answer = await as(admin).send("PUT", path);
      expect([answer.status, answer.text]).toEqual([204, ""]);
    }
    const rows = await registry().deps.db.read(({ query, tables }) => query.select().from(tables.allowedNames));
    expect(rows.map(({ name }) => name)).toEqual(["num-py"]);
    expect(await eventsOf(registry(), "name.allowed")).toMatchObject([{ by: as(admin).username, details: {} }]);
  });
});

const ELSEWHERE = "https://storage.test/archive";

onBothDatabases(
  "quarantine with STORAGE_REDIRECT",
  (registry) => {
    test("redirects no download of a version in quarantine", async () => {
      const [admin, owner] = [await newAdmin(registry()), await newAccount(registry())];
      await owner.publish("afar", "1.0.0", makePackage({ name: "afar", version: "1.0.0" }), makeKey());
      const download = () => owner.get("/api/packages/afar/1.0.0/download");
      const led = await download();
      expect([led.status, led.headers.get("location")]).toEqual([302, ELSEWHERE]);
      for (const path of ["afar", "afar/1.0.0"]) {
        await admin.send("PUT", `/api/packages/${path}/quarantine`, { reason: REASON });
        const refused = await download();
        expectProblem(refused, 403, "quarantined");
        expect(refused.headers.get("location")).toBeNull();
        await admin.send("DELETE", `/api/packages/${path}/quarantine`);
        expect((await download()).status).toBe(302);
      }
    });
  },
  { override: ({ blobs }) => ({ blobs: overriding(blobs, { link: () => ELSEWHERE }) }) },
);
