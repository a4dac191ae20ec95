import { afterEach, beforeAll, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { eventsOf, withToken } from "../support/roles.ts";

const DAY_MS = 24 * 60 * 60_000;

onBothDatabases("owners", (registry) => {
  let [alice, bob, carol]: Client[] = [];
  const one = (client: Client | undefined) => client as Client;
  const key = makeKey();
  const address = (name: string, who?: Client) => `/api/packages/${name}/owners${who ? `/${who.username}` : ""}`;
  const put = (by: Client, name: string, who: Client) => by.send("PUT", address(name, who));
  const remove = (by: Client, name: string, who: Client) => by.send("DELETE", address(name, who));
  const read = async (name: string) => (await new Client(registry().url).get(address(name))).body;
  const ownersIn = (body: Json): string[] => body.items.map(({ username }: Json) => username);
  const invitedIn = (body: Json): string[] => body.invitations.map(({ username }: Json) => username);
  const state = (answer: Answer) => [answer.status, ownersIn(answer.body), invitedIn(answer.body)];
  const publish = async (name: string) => {
    const draft = { name, version: "1.0.0", maintainers: [{ name: "Mai" }] };
    expect((await one(alice).publish(name, "1.0.0", makePackage(draft), key)).status).toBe(201);
  };
  /** Alice's package, which Bob owns too. */
  const publishShared = async (name: string) => {
    await publish(name);
    await put(one(alice), name, one(bob));
    expect(state(await put(one(bob), name, one(bob)))).toEqual([200, [one(alice).username, one(bob).username], []]);
  };

  const disable = (client: Client, at: Date | null) =>
    registry().deps.db.write(async ({ query, tables: { users } }) => {
      await query.update(users).set({ disabledAt: at }).where(eq(users.username, client.username));
    });

  beforeAll(async () => {
    [alice, bob, carol] = [
      await newAccount(registry(), "Alice"),
      await newAccount(registry(), "bob"),
      await newAccount(registry(), "carol"),
    ];
  });
  afterEach(() => {
    registry().now = undefined;
  });

  test("begin with the first publisher, and another account becomes one by invitation and acceptance", async () => {
    await publish("joined");
    const [a, b] = [one(alice).username, one(bob).username];
    expect([ownersIn(await read("joined")), invitedIn(await read("joined"))]).toEqual([[a], []]);
    const invited = await put(one(alice), "joined", one(bob));
    expect(state(invited)).toEqual([200, [a], [b]]);
    const [invitation] = invited.body.invitations;
    expect(invitation).toEqual({
      username: b,
      invitedBy: a,
      createdAt: expect.any(String),
      expiresAt: expect.any(String),
    });
    expect(Date.parse(invitation.expiresAt) - Date.parse(invitation.createdAt)).toBe(30 * DAY_MS);
    expectProblem(await one(bob).send("DELETE", "/api/packages/joined/1.0.0"), 403, "not_an_owner");
    const { username: _, ...terms } = invitation;
    expect((await one(bob).get("/api/auth/invitations")).body).toEqual({ items: [{ package: "joined", ...terms }] });
    expect((await one(carol).get("/api/auth/invitations")).body).toEqual({ items: [] });
    for (const _ of ["once", "twice"]) {
      expect(state(await put(one(bob), "joined", one(bob)))).toEqual([200, [a, b], []]);
      expect(state(await put(one(alice), "joined", one(bob)))).toEqual([200, [a, b], []]);
    }
    expect((await one(bob).get("/api/auth/invitations")).body.items).toEqual([]);
    expect((await one(bob).send("DELETE", "/api/packages/joined/1.0.0")).status).toBe(200);
    const recorded = await eventsOf(registry(), "owner.", "joined");
    expect(recorded.map(({ kind, by, details }) => [kind, by, details])).toEqual([
      ["owner.invited", a, { username: b, expiresAt: invitation.expiresAt }],
      ["owner.added", b, { username: b, invitedBy: a }],
    ]);
  });

  test("cannot be changed by an account that is neither an owner nor invited", async () => {
    await publish("closed");
    const guest = new Client(registry().url);
    expectProblem(await put(one(bob), "closed", one(bob)), 403, "not_an_owner");
    expectProblem(await put(one(bob), "closed", one(carol)), 403, "not_an_owner");
    expectProblem(await remove(one(bob), "closed", one(alice)), 403, "not_an_owner");
    expectProblem(await one(bob).send("PUT", `${address("closed")}/nobody-at-all`), 403, "not_an_owner");
    for (const method of ["PUT", "DELETE"]) {
      expectProblem(await guest.send(method, address("closed", bob)), 401, "unauthenticated");
      expectProblem(await one(alice).send(method, `${address("closed")}/nobody-at-all`), 404, "user_not_found");
      expectProblem(await one(alice).send(method, `${address("closed")}/a%00b`), 404, "user_not_found");
      const byEmail = `${address("closed")}/${encodeURIComponent(`${one(bob).username}@example.org`)}`;
      expectProblem(await one(alice).send(method, byEmail), 404, "user_not_found");
      expectProblem(await one(alice).send(method, address("unheard-of", bob)), 404, "package_not_found");
    }
    expectProblem(await guest.get(address("unheard-of")), 404, "package_not_found");
    expectProblem(await guest.get("/api/auth/invitations"), 401, "unauthenticated");
    expectProblem(await remove(one(bob), "closed", one(bob)), 403, "not_an_owner");
    expect(await eventsOf(registry(), "owner.", "closed")).toEqual([]);
  });

  test("an invitation that an owner withdrew or the account declined cannot be accepted", async () => {
    await publish("withdrawn");
    for (const by of [one(alice), one(bob)]) {
      await put(one(alice), "withdrawn", one(bob));
      expect(state(await remove(by, "withdrawn", one(bob)))).toEqual([200, [one(alice).username], []]);
      const again = await remove(by, "withdrawn", one(bob));
      if (by === alice) expect(state(again)).toEqual([200, [one(alice).username], []]);
      else expectProblem(again, 403, "not_an_owner");
      expectProblem(await put(one(bob), "withdrawn", one(bob)), 403, "not_an_owner");
    }
    const recorded = await eventsOf(registry(), "owner.invitation_withdrawn", "withdrawn");
    const details = { username: one(bob).username };
    expect(recorded.map((event) => [event.by, event.details])).toEqual([
      [one(alice).username, details],
      [one(bob).username, details],
    ]);
  });

  test("an owner may remove another or leave, their invitations end with them, and the last owner stays", async () => {
    await publishShared("left");
    await put(one(bob), "left", one(carol));
    const removed = await remove(one(alice), "left", one(bob));
    expect(state(removed)).toEqual([200, [one(alice).username], []]);
    expectProblem(await put(one(carol), "left", one(carol)), 403, "not_an_owner");
    expectProblem(await remove(one(bob), "left", one(alice)), 403, "not_an_owner");
    expectProblem(await remove(one(alice), "left", one(alice)), 409, "last_owner");
    expect(ownersIn(await read("left"))).toEqual([one(alice).username]);
    const recorded = await eventsOf(registry(), "owner.", "left");
    expect(recorded.slice(-2).map(({ kind, by, details }) => [kind, by, details])).toEqual([
      ["owner.invitation_withdrawn", one(alice).username, { username: one(carol).username }],
      ["owner.removed", one(alice).username, { username: one(bob).username }],
    ]);
  });

  test("a package always has an owner, also when both leave at the same time", async () => {
    for (let round = 0; round < 10; round += 1) {
      const name = `both-leave-${round}`;
      await publishShared(name);
      const answers = await Promise.all([remove(one(alice), name, one(alice)), remove(one(bob), name, one(bob))]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect(ownersIn(await read(name))).toHaveLength(1);
      expect(await eventsOf(registry(), "owner.removed", name)).toHaveLength(1);
    }
  });

  test("a disabled account cannot be invited and does not count as the last owner", async () => {
    await publishShared("dormant");
    const [sleeper, guest] = [await newAccount(registry(), "sleeper"), one(bob)];
    await disable(sleeper, new Date());
    expectProblem(await put(one(alice), "dormant", sleeper), 404, "user_not_found");
    await disable(guest, new Date());
    expectProblem(await remove(one(alice), "dormant", one(alice)), 409, "last_owner");
    expect(state(await remove(one(alice), "dormant", guest))).toEqual([200, [one(alice).username], []]);
    await disable(guest, null);
  });

  test("the invitation of a disabled owner cannot be accepted, unless another owner invites again", async () => {
    await publishShared("stolen");
    await put(one(bob), "stolen", one(carol));
    await disable(one(bob), new Date());
    expectProblem(await put(one(carol), "stolen", one(carol)), 403, "not_an_owner");
    expect(ownersIn(await read("stolen"))).toEqual([one(alice).username, one(bob).username]);
    await put(one(alice), "stolen", one(carol));
    expect((await put(one(carol), "stolen", one(carol))).status).toBe(200);
    await disable(one(bob), null);
  });

  test("a token needs the scope owners and the package among its names, and lists the invitations that it may accept", async () => {
    await publish("scoped");
    const wrong = [
      await withToken(one(alice), ["yank", "publish-update"]),
      await withToken(one(alice), ["owners"], ["s"]),
    ];
    for (const client of wrong) {
      expectProblem(await put(client, "scoped", one(bob)), 403, "insufficient_scope");
      expectProblem(await remove(client, "scoped", one(bob)), 403, "insufficient_scope");
    }
    const right = await withToken(one(alice), ["owners"], ["scope*"]);
    expect(state(await put(right, "scoped", one(bob)))).toEqual([200, [one(alice).username], [one(bob).username]]);
    const listed = async (scopes: string[], packages: string[]) => {
      const { body } = await (await withToken(one(bob), scopes, packages)).get("/api/auth/invitations");
      return body.items?.map((item: { package: string }) => item.package) ?? body.code;
    };
    expect(await listed(["owners"], ["scope*"])).toEqual(["scoped"]);
    expect(await listed(["owners"], ["other"])).toEqual([]);
    expect(await listed(["yank"], ["*"])).toBe("insufficient_scope");
    const [recorded] = await eventsOf(registry(), "owner.invited", "scoped");
    expect([recorded?.by, recorded?.withToken]).toEqual([one(alice).username, true]);
  });

  test("at most 50 invitations are open, and renewing one does not add one", async () => {
    await publish("popular");
    const { deps } = registry();
    await deps.db.write(async ({ query, tables: { packages, ownerInvitations, users } }) => {
      const [row] = await query.select().from(packages).where(eq(packages.name, "popular"));
      if (row === undefined) throw new Error("not published");
      const ids = Array.from({ length: 50 }, () => crypto.randomUUID());
      const createdAt = new Date();
      const expiresAt = new Date(Date.now() + DAY_MS);
      for (const [n, id] of ids.entries()) {
        const name = `crowd-${registry().kind}-${n}`;
        await query.insert(users).values({
          ...{ id, username: name, usernameFolded: name, email: `${name}@x`, emailFolded: `${name}@x` },
          ...{ passwordHash: "none", role: "user", createdAt },
        });
        await query
          .insert(ownerInvitations)
          .values({ packageId: row.id, userId: id, invitedBy: one(alice).username, createdAt, expiresAt });
      }
    });
    expectProblem(await put(one(alice), "popular", one(bob)), 409, "limit_reached");
    const renew = `${address("popular")}/crowd-${registry().kind}-7`;
    expect((await one(alice).send("PUT", renew)).body.invitations).toHaveLength(50);
    await one(alice).send("DELETE", renew);
    expect((await put(one(alice), "popular", one(bob))).status).toBe(200);
  });

  test("a search by author finds the current owners, and a change of owners does not move the package in lists", async () => {
    await publish("found");
    const found = async (author: string): Promise<string[]> =>
      (await one(alice).get(`/api/packages?author=${author}&search=found`)).body.items.map(({ name }: Json) => name);
    const updatedAt = async () => (await one(alice).get("/api/packages/found")).body.updatedAt;
    const before = await updatedAt();
    registry().now = new Date(Date.now() + 60_000);
    await put(one(alice), "found", one(bob));
    expect(await found(one(bob).username)).toEqual([]);
    await put(one(bob), "found", one(bob));
    expect([await found(one(bob).username), await found(one(alice).username)]).toEqual([["found"], ["found"]]);
    expect((await one(alice).get("/api/packages/found")).body.owners).toEqual([one(alice).username, one(bob).username]);
    await remove(one(bob), "found", one(alice));
    expect([await found(one(bob).username), await found(one(alice).username)]).toEqual([["found"], []]);
    expect([await found("mai"), await updatedAt()]).toEqual([["found"], before]);
  });

  // The last test, because logins in the future end all sessions.
  test("an invitation expires after 30 days unless it is renewed, and names compare without case", async () => {
    await publish("timed");
    const start = Date.now();
    const upper = `${address("timed")}/${one(bob).username.toUpperCase()}`;
    await one(alice).send("PUT", upper);
    registry().now = new Date(start + 20 * DAY_MS);
    const fresh = async (client: Client) => {
      const login = { username: client.username, password: "correct horse battery staple" };
      return new Client(client.base, (await client.post("/api/auth/login", login)).body.token, client.username);
    };
    await put(await fresh(one(alice)), "timed", one(bob));
    registry().now = new Date(start + 49 * DAY_MS);
    expect(invitedIn(await read("timed"))).toEqual([one(bob).username]);
    registry().now = new Date(start + 51 * DAY_MS);
    const later = await fresh(one(bob));
    expect(invitedIn(await read("timed"))).toEqual([]);
    expect((await later.get("/api/auth/invitations")).body.items).toEqual([]);
    expectProblem(await put(later, "timed", later), 403, "not_an_owner");
    await put(await fresh(one(alice)), "timed", one(bob));
    expect(state(await later.send("PUT", upper))[0]).toBe(200);
    expect(ownersIn(await read("timed"))).toEqual([one(alice).username, one(bob).username]);
  });
});
