import { afterEach, beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { eventsOf, newAdmin, withToken } from "../support/roles.ts";

const STATUS = "/api/packages/kept/status";

onBothDatabases("the status of a package", (registry) => {
  const key = makeKey();
  let owner: Client;
  const guest = () => new Client(registry().url);
  const shown = async () => (await guest().get("/api/packages/kept")).body;
  beforeAll(async () => {
    owner = await newAccount(registry(), "owner");
    for (const name of ["kept", "spare", "spa-re"])
      await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);
  });
  afterEach(async () => {
    registry().now = undefined;
    await owner.send("PUT", STATUS, { status: "active" });
  });

  test("is set by its owners, shown on its page and in lists, and changes neither search nor downloads", async () => {
    for (const status of ["deprecated", "archived", "active"] as const) {
      const answer = await owner.send("PUT", STATUS, { status, message: "Use spare.\n✓", replacement: "spare" });
      expect([answer.status, answer.body]).toEqual([200, await shown()]);
      const said = { status, statusMessage: "Use spare.\n✓", statusReplacement: "spare", latest: "1.0.0" };
      expect(answer.body).toMatchObject(said);
      expect((await guest().get("/api/packages?search=kept")).body.items).toMatchObject([said]);
      expect((await guest().get("/api/packages/kept/latest/download")).status).toBe(200);
    }
    const bare = await owner.send("PUT", STATUS, { status: "active" });
    expect([bare.body.statusMessage, bare.body.statusReplacement]).toEqual([null, null]);
  });

  test("is set only by owners and their tokens with the scope yank", async () => {
    const body = { status: "archived" };
    expectProblem(await guest().send("PUT", STATUS, body), 401, "unauthenticated");
    expectProblem(await (await newAccount(registry())).send("PUT", STATUS, body), 403, "not_an_owner");
    expectProblem(await (await withToken(owner, ["owners"])).send("PUT", STATUS, body), 403, "insufficient_scope");
    const other = await withToken(owner, ["yank"], ["keep*"]);
    expectProblem(await other.send("PUT", STATUS, body), 403, "insufficient_scope");
    expectProblem(await owner.send("PUT", "/api/packages/unheard-of/status", body), 404, "package_not_found");
    expect((await shown()).status).toBe("active");
    expect((await (await withToken(owner, ["yank"], ["kept"])).send("PUT", STATUS, body)).body.status).toBe("archived");
  });

  const BAD: readonly [what: string, body: object, path: string][] = [
    ["no status", {}, "/status"],
    ["another status", { status: "abandoned" }, "/status"],
    ["a message with NUL", { status: "active", message: "a\0" }, "/message"],
    ["an endless message", { status: "active", message: "x".repeat(1_001) }, "/message"],
    ["a replacement that is no name", { status: "active", replacement: "Kept 2" }, "/replacement"],
    ["a replacement with a version", { status: "active", replacement: "kept@1.0.0" }, "/replacement"],
    ["a replacement that does not exist", { status: "deprecated", replacement: "no-such" }, "/replacement"],
    ["a replacement that is spelled otherwise", { status: "deprecated", replacement: "spa.re" }, "/replacement"],
    ["itself as replacement", { status: "deprecated", replacement: "kept" }, "/replacement"],
    ["an empty replacement", { status: "active", replacement: "" }, "/replacement"],
  ];
  test.each(BAD)("with %s is refused and changes nothing", async (_, body, path) => {
    const before = await shown();
    const answer = await owner.send("PUT", STATUS, body);
    expectProblem(answer, 422, "validation_failed");
    expect(answer.body.errors.map((fault: { path: string }) => fault.path)).toEqual([path]);
    expect(await shown()).toEqual(before);
  });

  test("names no replacement that nobody can use, and keeps one that was withdrawn later", async () => {
    await owner.publish("barred", "1.0.0", makePackage({ name: "barred", version: "1.0.0" }), key);
    const body = { status: "deprecated", replacement: "barred" };
    expect((await owner.send("PUT", STATUS, body)).status).toBe(200);
    const admin = await newAdmin(registry());
    const reason = { reason: "looked at", category: "policy" };
    expect((await admin.send("PUT", "/api/packages/barred/quarantine", reason)).status).toBe(200);
    expect((await owner.send("PUT", STATUS, body)).status).toBe(200);
    const refused = await owner.send("PUT", STATUS, { ...body, message: "Use the other" });
    expectProblem(refused, 422, "validation_failed");
    expect(refused.body.errors[0].message).toContain("barred is in quarantine");
  });

  test("is one event and one move in lists, however often the same is sent", async () => {
    const before = (await eventsOf(registry(), "package.status", "kept")).length;
    const start = Date.now() + 60_000;
    for (const [index, status] of ["deprecated", "deprecated", "archived"].entries()) {
      registry().now = new Date(start + index * 60_000);
      await owner.send("PUT", STATUS, { status, message: "words", replacement: "spare" });
    }
    expect((await shown()).updatedAt).toBe(new Date(start + 120_000).toISOString());
    registry().now = new Date(start + 180_000);
    await owner.send("PUT", STATUS, { status: "archived", message: "words", replacement: "spare" });
    expect((await shown()).updatedAt).toBe(new Date(start + 120_000).toISOString());
    const recorded = (await eventsOf(registry(), "package.status", "kept")).slice(before);
    expect(recorded.map(({ by, details }) => [by, details])).toEqual([
      [owner.username, { status: "deprecated", replacement: "spare" }],
      [owner.username, { status: "archived", replacement: "spare" }],
    ]);
  });
});
