import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newAdmin, withToken } from "../support/roles.ts";

const NAMES = ["aged", "barred", "found", "gone", "kept"];

onBothDatabases("the list of an account's packages", (registry) => {
  const key = makeKey();
  let owner: Client;

  const namesIn = ({ body }: { readonly body: { readonly items: readonly { name: string }[] } }) =>
    body.items.map(({ name }) => name);

  beforeAll(async () => {
    const admin = await newAdmin(registry());
    owner = await newAccount(registry());
    for (const name of NAMES.toReversed())
      expect((await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key)).status).toBe(201);
    const other = await newAccount(registry());
    const theirs = makePackage({ name: "foreign", version: "1.0.0" });
    expect((await other.publish("foreign", "1.0.0", theirs, makeKey())).status).toBe(201);
    expect((await owner.send("PUT", "/api/packages/aged/status", { status: "archived" })).status).toBe(200);
    expect((await owner.send("DELETE", "/api/packages/gone/1.0.0")).status).toBe(200);
    const barred = { reason: "looked at", category: "policy" };
    expect((await admin.send("PUT", "/api/packages/barred/quarantine", barred)).status).toBe(200);
  });

  test("has those that no search shows, by name, and no others", async () => {
    const list = await owner.get("/api/auth/packages");
    expect([list.status, namesIn(list), list.body.nextCursor]).toEqual([200, NAMES, null]);
    expect(list.headers.get("cache-control")).toBe("no-store");
    expect(list.body.items[1]).toMatchObject({ name: "barred", quarantine: { reason: "looked at" } });
    expect(namesIn(await owner.get(`/api/packages?author=${owner.username}`))).not.toContain("gone");
    const stranger = await newAccount(registry());
    expect((await stranger.get("/api/auth/packages")).body).toEqual({ items: [], nextCursor: null });
    expectProblem(await new Client(registry().url).get("/api/auth/packages"), 401, "unauthenticated");
  });

  test("is read page by page, and a package that is published meanwhile skips and repeats nothing", async () => {
    const first = await owner.get("/api/auth/packages?pageSize=2");
    const found = namesIn(first);
    const early = makePackage({ name: "ab", version: "1.0.0" });
    expect((await owner.publish("ab", "1.0.0", early, key)).status).toBe(201);
    let cursor = first.body.nextCursor;
    while (cursor !== null) {
      const { body } = await owner.get(`/api/auth/packages?pageSize=2&cursor=${cursor}`);
      found.push(...namesIn({ body }));
      cursor = body.nextCursor;
    }
    expect(found).toEqual(NAMES);
    for (const wrong of ["cursor=No", "cursor=", "pageSize=0", "pageSize=101"])
      expectProblem(await owner.get(`/api/auth/packages?${wrong}`), 422, "validation_failed");
  });

  test("has for an API token the packages that the token is for", async () => {
    expect(namesIn(await (await withToken(owner, ["yank"])).get("/api/auth/packages"))).toEqual(["ab", ...NAMES]);
    const narrow = await withToken(owner, ["yank"], ["kept", "b*", "foreign"]);
    expect(namesIn(await narrow.get("/api/auth/packages"))).toEqual(["barred", "kept"]);
    const { body } = await narrow.get("/api/auth/packages?pageSize=1");
    expect(body.nextCursor).toBe("barred");
  });
});
