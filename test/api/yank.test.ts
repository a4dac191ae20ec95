import { beforeAll, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { eventsOf, withToken } from "../support/roles.ts";

onBothDatabases("yanking", (registry) => {
  let owner: Client;
  const key = makeKey();
  const publish = async (name: string) => {
    expect((await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key)).status).toBe(201);
    return `/api/packages/${name}/1.0.0`;
  };
  beforeAll(async () => {
    owner = await newAccount(registry(), "owner");
  });

  test("a token needs the scope yank and the package among its names", async () => {
    const address = await publish("by-token");
    const refused = [
      await withToken(owner, ["read", "publish-new", "publish-update", "owners"]),
      await withToken(owner, ["yank"], ["other-*", "by-toke"]),
    ];
    for (const client of refused) {
      expectProblem(await client.send("DELETE", address), 403, "insufficient_scope");
      expectProblem(await client.post(address), 403, "insufficient_scope");
    }
    const stranger = await withToken(await newAccount(registry(), "stranger"), ["yank"]);
    expectProblem(await stranger.send("DELETE", address), 403, "not_an_owner");
    const allowed = await withToken(owner, ["yank"], ["by-*"]);
    expect((await allowed.send("DELETE", address)).body.yanked).toBe(true);
    expect((await allowed.post(address)).body.yanked).toBe(false);
  });

  test("every yank that changes something is one event, and a repeated or refused yank is none", async () => {
    const address = await publish("told");
    const token = await withToken(owner, ["yank"]);
    const stranger = await newAccount(registry(), "stranger");
    const why = { reason: "renamed", message: "words of a person", replacement: "by-token" };
    await owner.send("DELETE", address, why);
    await owner.send("DELETE", address, why);
    await stranger.send("DELETE", address);
    await token.send("DELETE", address, {});
    await owner.post(address);
    await owner.post(address);
    const by = owner.username;
    const version = "1.0.0";
    expect(await eventsOf(registry(), "version.", "told").then((events) => events.slice(-3))).toEqual([
      {
        kind: "version.yanked",
        by,
        withToken: false,
        version,
        details: { reason: "renamed", replacement: "by-token" },
      },
      { kind: "version.yanked", by, withToken: true, version, details: { reason: null, replacement: null } },
      { kind: "version.unyanked", by, withToken: false, version, details: {} },
    ]);
    expect((await eventsOf(registry(), "version.y", "told")).length).toBe(2);
  });

  test("a version that was signed with a compromised key is marked and stays yanked", async () => {
    const address = await publish("stolen");
    await owner.send("DELETE", address, { reason: "security" });
    await registry().deps.db.write(async ({ query, tables: { packages, versions } }) => {
      const [row] = await query.select().from(packages).where(eq(packages.name, "stolen"));
      if (row === undefined) throw new Error("not published");
      await query.update(versions).set({ keyCompromised: true }).where(eq(versions.packageId, row.id));
    });
    expectProblem(await owner.post(address), 409, "version_compromised");
    const shown = (await owner.get(address)).body;
    expect([shown.yanked, shown.yankReason, shown.signature.compromised]).toEqual([true, "security", true]);
    expectProblem(await owner.send("DELETE", address, { reason: "broken" }), 409, "version_compromised");
    expect((await owner.send("DELETE", address, { reason: "security" })).body).toEqual(shown);
    expect(await eventsOf(registry(), "version.unyanked", "stolen")).toEqual([]);
  });
});
