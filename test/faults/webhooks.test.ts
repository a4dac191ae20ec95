import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, newAccount, PASSWORD } from "../support/client.ts";
import { testPostgres } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";
import { newWebhook, Receiver, verified } from "../support/webhook-receiver.ts";
import { prepareServer } from "./server.ts";

const ALLOWED = { WEBHOOK_ALLOWED_HOSTS: "127.0.0.1" };
const EVENTS = 8;
const KILLED_AT = 3;
/** A receiver may take ten seconds, and the turn of a killed process ends after twenty. */
const LATE_MS = 60_000;

/** Makes an administrator and a webhook for the tokens that are made. */
async function begin(server: Awaited<ReturnType<typeof prepareServer>>, receiver: Receiver) {
  const account = await newAccount(server);
  const granted = await server.run("admin", "grant", account.username);
  if (granted.exitCode !== 0) throw new Error(granted.stderr);
  const { secret, id } = await newWebhook(account, receiver.url, { events: ["token.created"] });
  return { account, secret, id };
}

const makeToken = (client: Client, label: string) => client.post("/api/auth/tokens", { label, scopes: ["read"] });

for (const kind of ["sqlite", "postgres"] as const) {
  describe(`webhooks of a server that is killed (${kind})`, () => {
    test("a kill after a delivery and before its record loses no event and keeps the order", async () => {
      const home = await mkdtemp(join(tmpdir(), "cpm-hooks-"));
      const databaseUrl = kind === "postgres" ? await (await testPostgres()).createDatabase() : undefined;
      const server = await prepareServer(home, databaseUrl, ALLOWED);
      const receiver = new Receiver();
      try {
        await server.start({ FAILPOINTS: `webhook.sent=kill@${KILLED_AT}`, NODE_ENV: "test" });
        const { account, secret } = await begin(server, receiver);
        for (let at = 0; at < EVENTS; at += 1) await makeToken(account, `t${at}`).catch(() => undefined);
        expect((await server.ended()).signal).toBe("SIGKILL");
        const before = [...receiver.ids];
        expect(before.length).toBe(KILLED_AT);
        await server.start();
        const login = { username: account.username, password: PASSWORD };
        const { token } = (await new Client(server.url).post("/api/auth/login", login)).body;
        const admin = new Client(server.url, token, account.username);
        await makeToken(admin, "after");
        const { items } = (await admin.get("/api/events?limit=1000")).body;
        const made: string[] = items
          .filter((event: { kind: string }) => event.kind === "token.created")
          .map((event: { id: number }) => `evt_${event.id}`);
        // The one whose record was lost comes twice, and everything once more in order.
        const expected = [...made.slice(0, KILLED_AT), ...made.slice(KILLED_AT - 1)];
        await waitUntil(() => receiver.received.length >= expected.length, "all arrive", LATE_MS);
        expect(receiver.ids).toEqual(expected);
        for (const each of receiver.received) expect(verified(secret, each).type).toBe("token.created");
      } finally {
        await server.remove();
        await receiver.stop();
        if (databaseUrl !== undefined) await (await testPostgres()).dropDatabase(databaseUrl);
        await rm(home, { recursive: true, force: true });
      }
    }, 120_000);
  });
}

describe("webhooks of a server process", () => {
  test("a receiver that never answers is given up after ten seconds, and asked again later", async () => {
    const home = await mkdtemp(join(tmpdir(), "cpm-hooks-"));
    const server = await prepareServer(home, undefined, ALLOWED);
    const receiver = new Receiver();
    receiver.answer = () => new Promise<never>(() => undefined);
    try {
      await server.start();
      const { account, id } = await begin(server, receiver);
      await makeToken(account, "one");
      const last = async () => (await account.get(`/api/webhooks/${id}/deliveries`)).body.items[0];
      await waitUntil(async () => (await last()) !== undefined, "the attempt is recorded", LATE_MS);
      const { outcome, status, durationMs } = await last();
      expect([outcome, status]).toEqual(["failed", null]);
      expect(durationMs).toBeGreaterThan(9_500);
      expect(durationMs).toBeLessThan(12_000);
      receiver.answer = () => new Response("ok");
      await waitUntil(async () => (await last()).outcome === "delivered", "the second attempt succeeds", LATE_MS);
      expect(receiver.ids).toEqual([receiver.ids[0] as string, receiver.ids[0] as string]);
    } finally {
      await server.remove();
      await receiver.stop();
      await rm(home, { recursive: true, force: true });
    }
  }, 120_000);

  test("get nothing while the registry is read-only, and everything afterwards", async () => {
    const home = await mkdtemp(join(tmpdir(), "cpm-hooks-"));
    const server = await prepareServer(home, undefined, ALLOWED);
    const receiver = new Receiver();
    receiver.answer = () => new Response(null, { status: 500 });
    try {
      await server.start();
      const { account, id } = await begin(server, receiver);
      await makeToken(account, "one");
      await waitUntil(() => receiver.received.length === 1, "the first attempt");
      receiver.answer = () => new Response("ok");
      expect((await server.run("admin", "read-only", "on", "--reason", "a test")).exitCode).toBe(0);
      const { nextAttemptAt } = (await account.get(`/api/webhooks/${id}`)).body;
      const isLongDue = () => Date.now() > Date.parse(nextAttemptAt) + 3_000;
      await waitUntil(isLongDue, "the next attempt is due");
      expect(receiver.received.length).toBe(1);
      expect((await server.run("admin", "read-only", "off")).exitCode).toBe(0);
      await waitUntil(() => receiver.received.length === 2, "the second attempt");
    } finally {
      await server.remove();
      await receiver.stop();
      await rm(home, { recursive: true, force: true });
    }
  }, 120_000);
});
