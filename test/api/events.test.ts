import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type postgres from "postgres";
import { migrate } from "../../src/db/migrate.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, type Json, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { clientOf, onBothDatabases, startRegistry, type TestRegistry } from "../support/registry.ts";
import { eventsAreFinal, newAdmin, withToken } from "../support/roles.ts";

const FEED = "/api/events";

/** A client that polls a feed: it asks again and again for what follows, and keeps everything. */
class Poller {
  readonly seen: Json[] = [];
  #next = 0;

  constructor(
    readonly reader: Client,
    readonly feed = FEED,
    readonly limit = 100,
  ) {}

  /** Reads on until there is nothing new, and returns the new events. */
  async poll(): Promise<Json[]> {
    const before = this.seen.length;
    for (;;) {
      const { status, body, text } = await this.reader.get(`${this.feed}?after=${this.#next}&limit=${this.limit}`);
      if (status !== 200) throw new Error(text);
      this.seen.push(...body.items);
      if (body.items.length === 0) expect(body.next).toBe(this.#next);
      this.#next = body.next;
      if (body.items.length < this.limit) return this.seen.slice(before);
    }
  }

  kinds(): string[] {
    return this.seen.map(({ kind }) => kind);
  }
}

const idsIn = (items: readonly Json[]): number[] => items.map(({ id }) => id);

function countEvents({ deps }: TestRegistry): Promise<number> {
  return deps.db.read(({ query, tables }) => query.$count(tables.events));
}

onBothDatabases("event feeds", (registry) => {
  let [admin, alice]: Client[] = [];
  const as = (client: Client | undefined) => client as Client;
  const key = makeKey();
  const publish = (name: string, version = "1.0.0") =>
    as(alice).publish(name, version, makePackage({ name, version }), key);

  beforeAll(async () => {
    admin = await newAdmin(registry());
    alice = await newAccount(registry(), "alice");
  });
  afterEach(() => {
    registry().now = undefined;
  });

  test("the event feed shows administrators who did what, when, from where and with which token", async () => {
    const poller = new Poller(as(admin));
    await eventsAreFinal(registry());
    await poller.poll();
    registry().now = new Date(Math.floor(Date.now() / 1000) * 1000 + 123);
    expect((await publish("told")).status).toBe(201);
    const token = await withToken(as(alice), ["yank"], ["told"]);
    expect((await token.send("DELETE", "/api/packages/told/1.0.0", { reason: "broken" })).status).toBe(200);
    const [listed] = (await as(alice).get("/api/auth/tokens")).body.items;
    await eventsAreFinal(registry());
    const news = await poller.poll();
    const common = { at: registry().now?.toISOString(), user: as(alice).username, address: expect.any(String) };
    const about = { package: "told", version: "1.0.0" };
    expect(news.find(({ kind }) => kind === "version.published")).toEqual({
      ...common,
      ...about,
      id: expect.any(Number),
      kind: "version.published",
      tokenId: null,
      details: expect.any(Object),
    });
    expect(news.at(-1)).toEqual({
      ...common,
      ...about,
      id: expect.any(Number),
      kind: "version.yanked",
      tokenId: listed.id,
      details: { reason: "broken", replacement: null },
    });
    expect(["127.0.0.1", "::1", "::ffff:127.0.0.1"]).toContain(news.at(-1).address);
  });

  test("a package's event feed shows everybody its own events, without addresses and tokens", async () => {
    await publish("shown");
    await publish("shown", "2.0.0");
    await publish("shown-not");
    const guest = new Client(registry().url);
    await eventsAreFinal(registry());
    const own = new Poller(guest, "/api/packages/shown/events", 2);
    await own.poll();
    const all = new Poller(as(admin));
    await all.poll();
    const expected = all.seen
      .filter((event) => event.package === "shown")
      .map(({ address: _, tokenId: __, ...event }) => event);
    expect(own.seen).toEqual(expected);
    expect(own.kinds()).toContain("package.created");
    expect(own.kinds().filter((kind) => kind === "version.published")).toHaveLength(2);
    for (const event of own.seen) {
      expect(Object.keys(event).sort()).toEqual(["at", "details", "id", "kind", "package", "user", "version"]);
    }
    const { headers } = await guest.get("/api/packages/shown/events");
    const again = await guest.get("/api/packages/shown/events", { "if-none-match": headers.get("etag") ?? "" });
    expect([again.status, again.text]).toEqual([304, ""]);
    expectProblem(await guest.get("/api/packages/never-there/events"), 404, "package_not_found");
    expectProblem(await guest.get("/api/packages/Never%00/events"), 404, "package_not_found");
  });

  test("event feed pages of any size hold the same events; an empty page repeats the position it was asked for", async () => {
    await eventsAreFinal(registry());
    const whole = await new Poller(as(admin), FEED, 1000).poll();
    for (const limit of [1, 3, 7]) expect(await new Poller(as(admin), FEED, limit).poll()).toEqual(whole);
    const first = await as(admin).get(`${FEED}?limit=2`);
    expect([first.body.items, first.body.next]).toEqual([whole.slice(0, 2), whole[1].id]);
    expect(first.headers.get("cache-control")).toBe("no-store");
    const last = whole.at(-1).id;
    for (const after of [last, last + 1, 10 ** 15]) {
      expect((await as(admin).get(`${FEED}?after=${after}`)).body).toEqual({ items: [], next: after });
    }
  });

  test("an event feed returns a hundred events without a limit in the request", async () => {
    for (let at = await countEvents(registry()); at < 101; at += 1) await withToken(as(admin), ["read"]);
    await eventsAreFinal(registry());
    expect((await as(admin).get(FEED)).body.items).toHaveLength(100);
  });

  const BAD = ["after=-1", "after=x", "after=1.5", "after=", "after=1e3", "after=9999999999999999"];
  test.each([...BAD, "limit=0", "limit=1001", "limit=x", "limit=%00"])(
    "an event feed with ?%s answers 422 and names the parameter",
    async (query) => {
      for (const feed of [FEED, "/api/packages/any/events"]) {
        const answer = await as(admin).get(`${feed}?${query}`);
        expectProblem(answer, 422, "validation_failed");
        expect(answer.body.errors.map(({ path }: Json) => path)).toEqual([`/${query.split("=")[0]}`]);
      }
    },
  );

  test("the feed of all events is only for administrators with a session", async () => {
    expectProblem(await new Client(registry().url).get(FEED), 401, "unauthenticated");
    expectProblem(await as(alice).get(FEED), 403, "admin_only");
    expectProblem(await (await withToken(as(admin), ["read"])).get(FEED), 403, "session_required");
    expect((await as(admin).get("/api/v1/events")).status).toBe(200);
  });

  test("a client that polls an event feed during 50 concurrent changes gets every event once", async () => {
    const pollers = [new Poller(as(admin), FEED, 1000), new Poller(as(admin), FEED, 5)];
    let done = false;
    const polling = pollers.map(async (poller) => {
      while (!done) await poller.poll();
      await poller.poll();
    });
    const busy = await newAccount(registry(), "busy");
    const changes = Array.from({ length: 50 }, async (_, at) => {
      if (at % 2 === 0) return (await publish(`crowd-${at}`)).status;
      return (await busy.post("/api/auth/tokens", { label: `crowd-${at}`, scopes: ["read"] })).status;
    });
    const statuses = await Promise.all(changes);
    await eventsAreFinal(registry());
    done = true;
    await Promise.all(polling);
    expect(new Set(statuses)).toEqual(new Set([201]));
    const total = await countEvents(registry());
    for (const { seen } of pollers) {
      expect(seen).toHaveLength(total);
      expect(new Set(idsIn(seen)).size).toBe(total);
    }
  });

  const NEW_PASSWORD = "marker-second-password-7Qx";
  test("event feeds hold no secret, whatever happened", async () => {
    const password = "marker-first-password-4Zk";
    const credentials = { username: "secretive", password };
    const guest = new Client(registry().url);
    await guest.post("/api/auth/register", { ...credentials, email: "secretive@example.org" });
    const { token: session } = (await guest.post("/api/auth/login", credentials)).body;
    const owner = new Client(registry().url, session, "secretive");
    await guest.post("/api/auth/login", { username: "secretive", password: "marker-wrong-password-1Wq" });
    const changed = { currentPassword: password, newPassword: NEW_PASSWORD };
    expect((await owner.post("/api/auth/password", changed)).status).toBe(204);
    const secretKey = makeKey();
    const archive = makePackage({ name: "secretive", version: "1.0.0", readme: "marker-of-the-archive-9Lp" });
    const token = await withToken(owner, ["publish-new", "yank", "owners"]);
    expect((await token.publish("secretive", "1.0.0", archive, secretKey)).status).toBe(201);
    const { id } = (await owner.get("/api/auth/tokens")).body.items[0];
    await token.send("DELETE", "/api/packages/secretive/1.0.0", { reason: "other", message: "gone" });
    await token.send("PUT", `/api/packages/secretive/owners/${as(alice).username}`);
    expect((await owner.send("DELETE", `/api/auth/tokens/${id}`)).status).toBe(204);
    await owner.post("/api/auth/logout");

    const rows = await registry().deps.db.read(async ({ query, tables: { events, users, apiTokens } }) => ({
      events: await query.select().from(events),
      hashes: await query.select({ secret: users.passwordHash }).from(users),
      digests: await query.select({ secret: apiTokens.tokenSha256 }).from(apiTokens),
    }));
    await eventsAreFinal(registry());
    const feeds = [
      JSON.stringify(rows.events),
      JSON.stringify(await new Poller(as(admin)).poll()),
      (await guest.get("/api/packages/secretive/events?limit=1000")).text,
    ];
    const { d: seed = "" } = secretKey.privateKey.export({ format: "jwk" });
    const archived = Buffer.from(archive);
    const markers = [
      ...[password, NEW_PASSWORD, "marker-", PASSWORD, "secretive@example.org", "argon2"],
      ...[session, session.split(".")[2], token.token ?? "", (token.token ?? "").slice(4, 34)],
      ...[seed, Buffer.from(seed, "base64url").toString("hex")],
      ...[archived.toString("base64").slice(0, 40), archived.toString("hex").slice(0, 40)],
      ...[...rows.hashes, ...rows.digests].map(({ secret }) => secret),
    ];
    for (const [at, feed] of feeds.entries()) {
      expect(feed).toContain("version.published");
      expect(
        markers.filter((marker) => marker.length < 5 || feed.includes(marker)).map((marker) => [at, marker]),
      ).toEqual([]);
    }
    const kinds = new Set(rows.events.map(({ kind }) => kind));
    for (const kind of ["account.created", "session.started", "session.ended", "account.password_changed"]) {
      expect(kinds).toContain(kind);
    }
    for (const kind of ["token.created", "token.revoked", "key.registered", "package_key.pinned", "owner.invited"]) {
      expect(kinds).toContain(kind);
    }
  });
});

describe("the order of events on Postgres", () => {
  // Its own server: which events are final depends on every transaction of a server, in any
  // database.
  let server: PostgresServer;
  let registry: TestRegistry;
  let admin: Client;
  let sql: postgres.Sql;

  /**
   * A transaction on its own connection that takes its id, does `work` and stays open until it is
   * ended.
   */
  async function heldOpen() {
    const connection = await sql.reserve();
    await connection`BEGIN`;
    await connection`SELECT txid_current()`;
    return {
      insert: async (kind: string) => {
        await connection`INSERT INTO events (at, kind, details) VALUES (now(), ${kind}, '{}')`;
      },
      end: async (how: "COMMIT" | "ROLLBACK") => {
        await connection.unsafe(how);
        connection.release();
      },
    };
  }

  const change = async () => {
    expect((await admin.post("/api/auth/tokens", { label: "x", scopes: ["read"] })).status).toBe(201);
  };

  beforeAll(async () => {
    server = await startPostgres();
    registry = await startRegistry("postgres", { env: { DATABASE_URL: server.url } });
    sql = clientOf(registry);
    admin = await newAdmin(registry);
  });
  afterAll(async () => {
    await sql.end();
    await registry.stop();
    await server.remove();
  });

  test("events on Postgres are shown in the order in which they become final: none behind an open transaction, then each once", async () => {
    const poller = new Poller(admin);
    await poller.poll();
    const open = await heldOpen();
    await open.insert("test.held");
    await change();
    await change();
    expect(await poller.poll()).toEqual([]);
    expect(await countEvents(registry)).toBe(poller.seen.length + 2);
    await open.end("COMMIT");
    const news = await poller.poll();
    expect(news.map(({ kind }) => kind)).toEqual(["test.held", "token.created", "token.created"]);
    expect(await poller.poll()).toEqual([]);
  });

  test("events on Postgres before an open transaction are shown, and none waits for a rolled-back one", async () => {
    const poller = new Poller(admin);
    await poller.poll();
    await change();
    const open = await heldOpen();
    await open.insert("test.undone");
    await change();
    expect(await poller.poll()).toHaveLength(1);
    await open.end("ROLLBACK");
    expect((await poller.poll()).map(({ kind }) => kind)).toEqual(["token.created"]);
  });

  test("no event on Postgres is lost if the earlier transaction took the later id", async () => {
    const poller = new Poller(admin);
    await poller.poll();
    const earlier = await heldOpen();
    const later = await heldOpen();
    await later.insert("test.later");
    await earlier.insert("test.earlier");
    await earlier.end("COMMIT");
    expect((await poller.poll()).map(({ kind }) => kind)).toEqual(["test.earlier"]);
    await later.end("COMMIT");
    expect((await poller.poll()).map(({ kind }) => kind)).toEqual(["test.later"]);
    const [second, first] = poller.seen.slice(-2).map(({ id }) => id);
    expect(second).toBeGreaterThan(first);
    expect(await new Poller(admin, FEED, 1).poll()).toEqual(poller.seen);
  });

  test("no event is lost if a dump is restored into a Postgres server with lower transaction ids", async () => {
    const poller = new Poller(admin);
    await poller.poll();
    await sql`UPDATE events SET transaction_id = transaction_id + 1000000000`;
    expect(await new Poller(admin).poll()).toEqual([]);
    await migrate(registry.deps.config.database);
    await change();
    expect((await poller.poll()).map(({ kind }) => kind)).toEqual(["token.created"]);
    expect(await new Poller(admin).poll()).toEqual(poller.seen);
    await migrate(registry.deps.config.database);
    expect(await new Poller(admin).poll()).toEqual(poller.seen);
  });
});
