import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

/** Sends all of a body but its end, does something else, and sends the end. */
function sendSlowly(by: Client, method: string, path: string, body: object, meanwhile: () => Promise<unknown>) {
  const text = JSON.stringify(body);
  const stream = new ReadableStream({
    async start(controller) {
      controller.enqueue(Buffer.from(text.slice(0, -1)));
      // Waits until the guard of the route has accepted the head.
      await Bun.sleep(300);
      await meanwhile();
      controller.enqueue(Buffer.from(text.slice(-1)));
      controller.close();
    },
  });
  return by.send(method, path, stream, { "content-type": "application/json" });
}

async function loggedInAgain({ base, username }: Client): Promise<Client> {
  const { body } = await new Client(base).post("/api/auth/login", { username, password: PASSWORD });
  return new Client(base, body.token, username);
}

onBothDatabases("a session that ends while a body arrives", (registry) => {
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
  test.each(REQUESTS)("%s %s changes nothing after its session ended", async (method, path, body) => {
    const thief = await loggedInAgain(publisher);
    const logOut = async () => expect((await thief.post("/api/auth/logout")).status).toBe(204);
    expectProblem(await sendSlowly(thief, method, path, body, logOut), 401, "unauthenticated");
    const inTime = await sendSlowly(await loggedInAgain(publisher), method, path, body, async () => undefined);
    expect(inTime.status).toBe(method === "POST" ? 201 : 200);
  });
});
