import { afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { Secret } from "../../src/config/secret.ts";
import { disableWebhooksOf } from "../../src/webhooks/disable-of-account.ts";
import { eventsFor } from "../../src/webhooks/events-for.ts";
import { resealSecrets } from "../../src/webhooks/reseal-secrets.ts";
import { openSecret } from "../../src/webhooks/secret.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { scrape } from "../support/metrics.ts";
import { testPostgres } from "../support/postgres.ts";
import { onBothDatabases, startRegistry, TEST_JWT_KEY } from "../support/registry.ts";
import { eventsOf, newAdmin, withToken } from "../support/roles.ts";
import { waitUntil } from "../support/wait-until.ts";
import { newWebhook, Receiver, verified } from "../support/webhook-receiver.ts";

const ALLOWED = { WEBHOOK_ALLOWED_HOSTS: "127.0.0.1" };
const key = makeKey();
/** How often tests let a registry look for events. */
const PACE_MS = 50;

/** Publishes a version, which its owners are told of. */
const publish = async (client: Client, name: string, version = "1.0.0") => {
  const { status, text } = await client.publish(name, version, makePackage({ name, version }), key);
  if (status !== 201) throw new Error(text);
};

onBothDatabases(
  "webhooks",
  (registry) => {
    let receiver: Receiver;
    let owner: Client;
    const arrived = (count: number) => waitUntil(() => receiver.received.length >= count, `message ${count} arrives`);
    const deliveries = async (client: Client, id: string): Promise<Json[]> =>
      (await client.get(`/api/webhooks/${id}/deliveries`)).body.items;

    beforeAll(async () => {
      registry().deps.webhooks.start(PACE_MS);
      owner = await newAccount(registry());
    });
    beforeEach(() => {
      receiver = new Receiver();
    });
    afterEach(async () => {
      registry().now = undefined;
      const { body } = await owner.get("/api/webhooks");
      for (const { id } of body.items) await owner.send("DELETE", `/api/webhooks/${id}`);
      await receiver.stop();
    });

    test("an owner gets the events of own packages that pass the filters, signed and without addresses", async () => {
      const stranger = await newAccount(registry());
      const { id, secret, ...made } = await newWebhook(owner, receiver.url, { events: ["version.*", "owner.invited"] });
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(made).toMatchObject({ url: receiver.url, state: "active", packages: ["*"], failures: 0 });
      await publish(stranger, `${registry().kind}-theirs`);
      await publish(owner, `${registry().kind}-mine`);
      await publish(owner, `${registry().kind}-mine`, "1.1.0");
      await arrived(2);
      const messages = receiver.received.map((each) => verified(secret, each));
      expect(messages.map(({ type, data }) => [type, data.package, data.version])).toEqual([
        ["version.published", `${registry().kind}-mine`, "1.0.0"],
        ["version.published", `${registry().kind}-mine`, "1.1.0"],
      ]);
      const feed = await owner.get(`/api/packages/${registry().kind}-mine/events`);
      const published = feed.body.items.filter(({ kind }: Json) => kind === "version.published");
      expect(messages.map(({ data }) => data)).toEqual(published);
      expect(messages.map(({ timestamp }) => timestamp)).toEqual(published.map(({ at }: Json) => at));
      expect(receiver.ids).toEqual(published.map((event: Json) => `evt_${event.id}`));
      const wrong = `whsec_${Buffer.alloc(32).toString("base64")}`;
      expect(() => verified(wrong, receiver.received[0] as never)).toThrow();
      await waitUntil(async () => (await deliveries(owner, id)).length === 2, "both are recorded");
      expect((await deliveries(owner, id))[0]).toMatchObject({ attempt: 1, outcome: "delivered", status: 204 });
      expect((await owner.get(`/api/webhooks/${id}`)).text).not.toContain("secret");
    });

    test("an administrator gets all events with addresses, and a member no more than their own", async () => {
      const admin = await newAdmin(registry());
      const { id, secret } = await newWebhook(admin, receiver.url, { events: ["token.created"] });
      await withToken(owner, ["read"]);
      await arrived(1);
      const [first] = receiver.received.map((each) => verified(secret, each));
      expect(first.data).toMatchObject({ user: owner.username, address: "127.0.0.1", tokenId: null });
      await registry().deps.db.write(async ({ query, tables: { users } }) => {
        await query.update(users).set({ role: "user" }).where(eq(users.username, admin.username));
      });
      await withToken(owner, ["read"]);
      const caughtUp = async () => (await admin.get(`/api/webhooks/${id}`)).body.lastEventId > first.data.id;
      await waitUntil(caughtUp, "the next event is passed over");
      expect(receiver.received.length).toBe(1);
      await admin.send("DELETE", `/api/webhooks/${id}`);
    });

    test("after an answer of 500 the same message comes again, and later ones wait for it", async () => {
      const name = `${registry().kind}-retried`;
      const { id, secret } = await newWebhook(owner, receiver.url, { packages: [name], events: ["version.published"] });
      receiver.answer = () => new Response("x".repeat(1_000_000), { status: 500 });
      const before = await scrape(registry().url);
      await publish(owner, name);
      await publish(owner, name, "1.1.0");
      const stateOf = async () => (await owner.get(`/api/webhooks/${id}`)).body;
      await waitUntil(async () => (await stateOf()).state === "retrying", "the first attempt fails");
      const { failures, nextAttemptAt } = await stateOf();
      expect(failures).toBe(1);
      expect(receiver.received.length).toBe(1);
      receiver.answer = () => new Response("ok");
      registry().now = new Date(Date.parse(nextAttemptAt) + 1);
      await arrived(3);
      expect(receiver.kinds()).toEqual(Array(3).fill("version.published"));
      const versions = receiver.received.map((each) => verified(secret, each).data.version);
      expect(versions).toEqual(["1.0.0", "1.0.0", "1.1.0"]);
      expect(receiver.ids[0]).toBe(receiver.ids[1] as string);
      await waitUntil(async () => (await deliveries(owner, id)).length === 3, "all are recorded");
      const outcomes = (await deliveries(owner, id)).map(({ attempt, outcome }) => [attempt, outcome]);
      expect(outcomes).toEqual([
        [1, "delivered"],
        [2, "delivered"],
        [1, "failed"],
      ]);
      expect(await stateOf()).toMatchObject({ state: "active", failures: 0, nextAttemptAt: null });
      const after = await scrape(registry().url);
      const counted = (outcome: string) => {
        const series = `cpm_registry_webhook_deliveries_total{outcome="${outcome}"}`;
        return Number(after.get(series)) - Number(before.get(series));
      };
      expect([counted("failed"), counted("delivered")]).toEqual([1, 2]);
    });

    test("after the last failure a webhook is disabled with an event, and a replay sends everything", async () => {
      const name = `${registry().kind}-disabled`;
      const { id, lastEventId } = await newWebhook(owner, receiver.url, {
        packages: [name],
        events: ["version.published"],
      });
      const since = new Date().toISOString();
      const stateOf = async () => (await owner.get(`/api/webhooks/${id}`)).body;
      await waitUntil(async () => (await stateOf()).lastEventId > lastEventId, "it passes over its own making");
      await registry().deps.db.write(async ({ query, tables: { webhooks } }) => {
        await query.update(webhooks).set({ failures: 9 }).where(eq(webhooks.id, id));
      });
      receiver.answer = () => new Response(null, { status: 503 });
      await publish(owner, name);
      await waitUntil(async () => (await stateOf()).state === "disabled", "it is disabled");
      expect((await stateOf()).disabledReason).toBe("it answered 503");
      const told = (await eventsOf(registry(), "webhook.disabled")).at(-1);
      expect(told?.details).toMatchObject({ id, username: owner.username, reason: "it answered 503" });
      await publish(owner, name, "1.1.0");
      receiver.answer = () => new Response("ok");
      expectProblem(await owner.post(`/api/webhooks/${id}/replay?since=yesterday`), 422, "validation_failed");
      const replayed = await owner.post(`/api/webhooks/${id}/replay?since=${since}`);
      expect([replayed.status, replayed.body.state]).toEqual([200, "active"]);
      await arrived(3);
      const versions = receiver.received.map(({ message }) => message.data.version);
      expect(versions).toEqual(["1.0.0", "1.0.0", "1.1.0"]);
      await waitUntil(async () => (await deliveries(owner, id)).length === 3, "the second is recorded");
      await owner.post(`/api/webhooks/${id}/replay?since=${since}`);
      await arrived(5);
      expect(receiver.ids.slice(3)).toEqual(receiver.ids.slice(1, 3));
    });

    test("thousands of events that are not for it are passed over in few steps, and none that is", async () => {
      const { db, kind } = { ...registry().deps, kind: registry().kind };
      const [mine, theirs] = [`${kind}-crowded`, `${kind}-crowd`];
      const { id, lastEventId } = await newWebhook(owner, receiver.url, { events: ["version.published"] });
      await publish(owner, mine);
      const row = { kind: "version.published", at: new Date(), packageName: theirs, version: "1.0.0", details: {} };
      for (let at = 0; at < 3; at += 1)
        await db.write(({ query, tables: { events } }) => query.insert(events).values(Array(800).fill(row)));
      await publish(owner, mine, "1.1.0");
      const [webhook] = await db.read(({ query, tables: { webhooks } }) =>
        query.select().from(webhooks).where(eq(webhooks.id, id)),
      );
      if (webhook === undefined) throw new Error("The webhook is not stored");
      const found: (string | null)[] = [];
      let [steps, after, hasMore] = [0, Number(lastEventId), true];
      for (; hasMore; steps += 1) {
        const next = await db.read((session) => eventsFor(session, kind, webhook, after));
        if (next === undefined) throw new Error("The account may not read events");
        found.push(...next.events.map(({ version }) => version));
        [after, hasMore] = [next.endId, next.hasMore];
      }
      expect([found, steps]).toEqual([["1.0.0", "1.1.0"], 3]);
      await arrived(2);
    });

    test("a receiver that answers 410 is left alone at once", async () => {
      const name = `${registry().kind}-gone`;
      const { id } = await newWebhook(owner, receiver.url, { packages: [name] });
      receiver.answer = () => new Response(null, { status: 410 });
      await publish(owner, name);
      const stateOf = async () => (await owner.get(`/api/webhooks/${id}`)).body.state;
      await waitUntil(async () => (await stateOf()) === "disabled", "it is disabled");
      expect(receiver.received.length).toBe(1);
    });

    test("a test message says how the receiver answered, and redirects are not followed", async () => {
      const elsewhere = new Receiver();
      const { id, secret } = await newWebhook(owner, receiver.url);
      const good = await owner.post(`/api/webhooks/${id}/test`);
      expect(good.body).toMatchObject({ event: null, kind: "webhook.test", outcome: "delivered", status: 204 });
      expect(verified(secret, receiver.received[0] as never).type).toBe("webhook.test");
      receiver.answer = () => Response.redirect(elsewhere.url, 307);
      const moved = await owner.post(`/api/webhooks/${id}/test`);
      expect(moved.body).toMatchObject({ outcome: "failed", status: 307 });
      expect(moved.body.reason).toContain("redirects are not followed");
      expect(elsewhere.received).toEqual([]);
      await elsewhere.stop();
      await receiver.stop();
      const closed = await owner.post(`/api/webhooks/${id}/test`);
      expect(closed.body).toMatchObject({ outcome: "failed", status: null });
      expect(closed.body.reason).toMatch(/^it cannot be reached/);
      expect((await deliveries(owner, id)).length).toBe(3);
    });

    test.each([
      "http://example.org/",
      "https://10.0.0.1/",
      "https://169.254.169.254/latest/meta-data",
      "https://[::1]/",
      "https://[::ffff:127.0.0.2]/",
      "https://2130706434/",
      "https://user:password@example.org/",
      "ftp://127.0.0.1/",
      "nothing",
    ])("an address that is not allowed is refused, and none is made: %s", async (url) => {
      const answer = await owner.post("/api/webhooks", { url });
      expectProblem(answer, 422, "validation_failed");
      expect(answer.body.errors[0].path).toBe("/url");
      expect((await owner.get("/api/webhooks")).body.items).toEqual([]);
    });

    test("one account tests one webhook at a time, so that others can test theirs", async () => {
      const other = await newAccount(registry());
      const answer = Promise.withResolvers<Response>();
      receiver.answer = () => answer.promise;
      const [first, second] = [await newWebhook(owner, receiver.url), await newWebhook(owner, receiver.url)];
      const running = owner.post(`/api/webhooks/${first.id}/test`);
      await arrived(1);
      expectProblem(await owner.post(`/api/webhooks/${second.id}/test`), 503, "busy");
      receiver.answer = () => new Response("ok");
      const theirs = await newWebhook(other, receiver.url);
      expect((await other.post(`/api/webhooks/${theirs.id}/test`)).body.outcome).toBe("delivered");
      answer.resolve(new Response("ok"));
      expect((await running).body.outcome).toBe("delivered");
      expect((await owner.post(`/api/webhooks/${second.id}/test`)).status).toBe(200);
    });

    test("a name that leads to an internal address is refused when it is sent to", async () => {
      const { port } = new URL(receiver.url);
      const { id } = await newWebhook(owner, `https://localhost:${port}/`);
      const { body } = await owner.post(`/api/webhooks/${id}/test`);
      expect(body).toMatchObject({ outcome: "refused", status: null });
      expect(body.reason).toContain("internal address");
      expect(receiver.received).toEqual([]);
    });

    test("filters that name nothing and an eleventh webhook are refused", async () => {
      const faulty = await owner.post("/api/webhooks", { url: receiver.url, events: ["version.publishd"] });
      expectProblem(faulty, 422, "validation_failed");
      for (let count = 0; count < 10; count += 1) await newWebhook(owner, receiver.url);
      expectProblem(await owner.post("/api/webhooks", { url: receiver.url }), 409, "limit_reached");
    });

    test("nobody reaches the webhook of another account", async () => {
      const { id } = await newWebhook(owner, receiver.url);
      const stranger = await newAccount(registry());
      const path = `/api/webhooks/${id}`;
      for (const answer of [
        await stranger.get(path),
        await stranger.get(`${path}/deliveries`),
        await stranger.post(`${path}/test`),
        await stranger.post(`${path}/replay`),
        await stranger.send("DELETE", path),
        await owner.get("/api/webhooks/1"),
      ]) {
        expectProblem(answer, 404, "webhook_not_found");
      }
      expect(receiver.received).toEqual([]);
    });

    test("its secret is sealed anew after JWT_KEY was rotated, so that the old key can go", async () => {
      const { id, secret } = await newWebhook(owner, receiver.url);
      const { db } = registry().deps;
      const sealed = async () => {
        const rows = await db.read(({ query, tables: { webhooks } }) =>
          query.select().from(webhooks).where(eq(webhooks.id, id)),
        );
        return rows[0]?.sealedSecret ?? "";
      };
      const newKey = "another key of these tests, long enough";
      await resealSecrets({ db, jwtKeys: new Secret([newKey, TEST_JWT_KEY]) });
      expect(openSecret(new Secret([newKey]), id, await sealed())).toEqual({ secret, isCurrent: true });
      expect((await owner.post(`/api/webhooks/${id}/test`)).body.outcome).toBe("refused");
      await resealSecrets({ db, jwtKeys: new Secret([TEST_JWT_KEY, newKey]) });
      expect((await owner.post(`/api/webhooks/${id}/test`)).body.outcome).toBe("delivered");
    });

    test("an eviction of the account disables its webhooks", async () => {
      const { id } = await newWebhook(owner, receiver.url);
      const { deps } = registry();
      await deps.db.write(async (session) => {
        const { users } = session.tables;
        const [user] = await session.query.select().from(users).where(eq(users.username, owner.username));
        await disableWebhooksOf(session, user?.id ?? "", new Date());
      });
      expect((await owner.get(`/api/webhooks/${id}`)).body.state).toBe("disabled");
    });

    test("one receiver that never answers holds up neither another one nor the end of the server", async () => {
      const own = await startRegistry(registry().kind, { env: ALLOWED });
      own.deps.webhooks.start(PACE_MS);
      const [stuck, other] = [new Receiver(), new Receiver()];
      stuck.answer = () => new Promise<never>(() => undefined);
      try {
        const admin = await newAdmin(own);
        for (const { url } of [stuck, other]) await newWebhook(admin, url, { events: ["token.created"] });
        for (const label of ["one", "two"]) await admin.post("/api/auth/tokens", { label, scopes: ["read"] });
        await waitUntil(() => other.received.length === 2 && stuck.received.length === 1, "the other gets both");
      } finally {
        const begun = performance.now();
        await own.stop();
        expect(performance.now() - begun).toBeLessThan(5_000);
        await Promise.all([stuck.stop(), other.stop()]);
      }
    });
  },
  { env: ALLOWED },
);

describe("webhooks of two servers on one Postgres", () => {
  test("get each event once and in order", async () => {
    const databaseUrl = await (await testPostgres()).createDatabase();
    const env = { ...ALLOWED, DATABASE_URL: databaseUrl };
    const servers = [await startRegistry("sqlite", { env }), await startRegistry("sqlite", { env })];
    for (const { deps } of servers) deps.webhooks.start(PACE_MS);
    const receiver = new Receiver();
    try {
      const [one, two] = servers as [(typeof servers)[0] & object, (typeof servers)[0] & object];
      const admin = await newAdmin(one);
      await newWebhook(admin, receiver.url, { events: ["token.created"] });
      const clients = [admin, new Client(two.url, admin.token, admin.username)];
      const make = (client: Client, at: number) =>
        client.post("/api/auth/tokens", { label: `t${at}`, scopes: ["read"] });
      for (let at = 0; at < 20; at += 1) await Promise.all(clients.map((client) => make(client, at)));
      await waitUntil(() => receiver.received.length >= 40, "all 40 arrive");
      const feed: Json[] = (await admin.get("/api/events?limit=1000")).body.items;
      expect(receiver.ids).toEqual(feed.filter(({ kind }) => kind === "token.created").map(({ id }) => `evt_${id}`));
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
      await receiver.stop();
      await (await testPostgres()).dropDatabase(databaseUrl);
    }
  });
});
