import { expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, PASSWORD } from "../support/client.ts";
import { newPlace, type Place, whileRunning } from "../support/places.ts";
import { changeElsewhere, collectStatistics, MARKER, traces } from "./takedown-scene.ts";

/* `admin list`, `show`, `delete` and `forget`, beside a running registry. */

const KINDS = ["sqlite", "postgres"] as const;

async function inPlace(
  kind: (typeof KINDS)[number],
  work: (place: Place, account: (name: string, email?: string) => Promise<Client>) => Promise<void>,
) {
  const place = await newPlace(kind);
  try {
    await whileRunning(place, (registry) =>
      work(place, async (username, email = `${username}@example.org`) => {
        const guest = new Client(registry.url);
        expect((await guest.post("/api/auth/register", { username, email, password: PASSWORD })).status).toBe(201);
        const { body } = await guest.post("/api/auth/login", { username, password: PASSWORD });
        return new Client(registry.url, body.token, username);
      }),
    );
  } finally {
    await place.remove();
  }
}

const publish = async (by: Client, name: string, key = makeKey()) =>
  expect((await by.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key)).status).toBe(201);

test.each(KINDS)("a forgotten account leaves no personal data, cannot log in, and keeps its name (%s)", (kind) =>
  inPlace(kind, async (place, account) => {
    const ada = await account("ada", `${MARKER}@example.org`);
    const bob = await account("bob");
    await publish(ada, "alone");
    await ada.post("/api/auth/tokens", { label: `${MARKER} laptop`, scopes: ["read"], expiresInDays: 5 });
    const hook = await ada.post("/api/webhooks", { url: `https://${MARKER}.example/${MARKER}` });
    expect(hook.status).toBe(201);
    const forget = (...more: string[]) => place.run("admin", "forget", "ada", "--yes", ...more);
    const refused = await forget();
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringContaining("is the only owner of alone. Repeat with --hand-over"),
    ]);
    expect((await place.run("admin", "forget", "ada")).exitCode).toBe(64);
    expect((await ada.get("/api/auth/me")).status).toBe(200);
    await collectStatistics(place);
    expect((await traces(place)).length).toBeGreaterThan(0);

    // It holds back the snapshots of this database, for which Postgres keeps deleted rows.
    const elsewhere = await changeElsewhere(place, 2_000);
    const done = await forget("--hand-over", "bob", "--json");
    await elsewhere();
    expect([done.stderr, done.exitCode]).toEqual(["", 0]);
    expect(JSON.parse(done.stdout)).toEqual({
      ...{ username: "ada", changed: true, left: [], handedOver: ["alone"], databaseScrubbed: true },
    });
    expect(await traces(place)).toEqual([]);
    expect((await ada.get("/api/auth/me")).status).toBe(401);
    const guest = new Client(ada.base);
    for (const username of ["ada", `${MARKER}@example.org`]) {
      expect((await guest.post("/api/auth/login", { username, password: PASSWORD })).status).toBe(401);
    }
    const shown = (await bob.get("/api/packages/alone")).body;
    expect([shown.owners, shown.versions[0].publishedBy]).toEqual([["bob"], "ada"]);
    const again = { username: "ada", email: "other@example.org", password: PASSWORD };
    expect((await guest.post("/api/auth/register", again)).body.code).toBe("username_taken");
    for (const command of ["enable", "reset-password"]) {
      const { exitCode, stderr } = await place.run("admin", command, "ada");
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining("ada was forgotten: nothing brings")]);
    }
    expect((await place.run("admin", "delete", "ada", "--yes")).stderr).toContain("ada was forgotten: nothing brings");
    expect((await place.run("admin", "list")).stdout).toMatch(/^ada .* forgotten 20\d\d-/m);
    expect(JSON.parse((await forget("--json")).stdout)).toMatchObject({ changed: false });
    expect((await place.run("admin", "show", "ada")).stdout).toMatch(/\(forgotten\)(.|\n)*state +forgotten since 20/);
    expect(await place.run("fsck")).toMatchObject({ exitCode: 0 });
  }),
);

test.each(KINDS)("accounts are listed, found, shown and deleted, but not one that changed packages (%s)", (kind) =>
  inPlace(kind, async (place, account) => {
    const [ada] = [await account("ada"), await account("bob", `${MARKER}@example.com`)];
    await publish(ada, "hello");
    const listed = async (...args: string[]) =>
      JSON.parse((await place.run("admin", "list", "--json", ...args)).stdout).accounts.map(
        ({ username }: { username: string }) => username,
      );
    expect(await listed()).toEqual(["ada", "bob"]);
    expect(await listed("example.com")).toEqual(["bob"]);
    expect(await listed("--kind", "disabled")).toEqual([]);
    expect((await place.run("admin", "list", "--kind", "some")).exitCode).toBe(64);
    expect((await place.run("admin", "list")).stdout).toContain("ada@example.org");
    const shown = JSON.parse((await place.run("admin", "show", "ada", "--json")).stdout);
    expect(shown).toMatchObject({
      username: "ada",
      sessions: 1,
      keys: 1,
      packages: 1,
      disabledAt: null,
      resetLinkUntil: null,
    });
    expect((await place.run("admin", "show", "nobody")).exitCode).toBe(1);

    const refused = await place.run("admin", "delete", "ada", "--yes");
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("admin forget ada")]);
    const deleted = await place.run("admin", "delete", "bob", "--yes");
    expect([deleted.stderr, deleted.exitCode]).toEqual(["", 0]);
    expect(await listed()).toEqual(["ada"]);
    expect(await traces(place)).toEqual([]);
    await account("bob");
  }),
);
