import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

/** Sends all of a body but its end, does something else, and sends the end. */
async function sendSlowly(client: Client, method: string, path: string, body: object, meanwhile: () => Promise<void>) {
  const text = JSON.stringify(body);
  const head = Promise.withResolvers<void>();
  const stream = new ReadableStream({
    async start(controller) {
      controller.enqueue(Buffer.from(text.slice(0, -1)));
      await head.promise;
      controller.enqueue(Buffer.from(text.slice(-1)));
      controller.close();
    },
  });
  const headers = { authorization: `Bearer ${client.token}`, "content-type": "application/json" };
  const answered = fetch(client.base + path, { method, headers, body: stream });
  // Until the guard of the route has let the head pass.
  await Bun.sleep(300);
  await meanwhile();
  head.resolve();
  const answer = await answered;
  return { status: answer.status, code: ((await answer.json()) as { code?: string }).code };
}

async function loggedInAgain({ base, username }: Client): Promise<Client> {
  const { body } = await new Client(base).post("/api/auth/login", { username, password: PASSWORD });
  return new Client(base, body.token, username);
}

onBothDatabases("a session that ends while a body comes in", (registry) => {
  let publisher: Client;
  beforeAll(async () => {
    publisher = await newAccount(registry());
    const published = await publisher.publish(
      "slow",
      "1.0.0",
      makePackage({ name: "slow", version: "1.0.0" }),
      makeKey(),
    );
    expect(published.status).toBe(201);
  });

  const REQUESTS: readonly [method: string, path: string, body: object][] = [
    ["POST", "/api/auth/tokens", { label: "x", scopes: ["read"], expiresInDays: 300 }],
    ["DELETE", "/api/packages/slow/1.0.0", { reason: "broken" }],
    ["PUT", "/api/packages/slow/status", { status: "archived" }],
  ];
  test.each(REQUESTS)("%s %s changes nothing any more", async (method, path, body) => {
    const thief = await loggedInAgain(publisher);
    const logOut = async () => {
      const { status } = await thief.post("/api/auth/logout", undefined);
      expect(status).toBe(204);
    };
    const late = await sendSlowly(thief, method, path, body, logOut);
    expect(late).toEqual({ status: 401, code: "unauthenticated" });
    const inTime = await sendSlowly(await loggedInAgain(publisher), method, path, body, async () => undefined);
    expect(inTime).toEqual({ status: method === "POST" ? 201 : 200, code: undefined });
  });
});
