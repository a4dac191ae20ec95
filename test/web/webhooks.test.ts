import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { type Client, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newAdmin, withToken } from "../support/roles.ts";
import { waitUntil } from "../support/wait-until.ts";
import { Receiver, removeWebhooks, verified } from "../support/webhook-receiver.ts";
import { type Visitor, visitorOf } from "./visitor.ts";

/* The pages and forms for webhooks, with a receiver that checks messages as other programs do. */

const PACE_MS = 50;

onBothDatabases(
  "pages for webhooks",
  (registry) => {
    let admin: Client;
    let visitor: Visitor;
    let receiver: Receiver;

    beforeAll(async () => {
      registry().deps.webhooks.start(PACE_MS);
      admin = await newAdmin(registry());
      visitor = await visitorOf(registry(), admin);
    });
    beforeEach(() => {
      receiver = new Receiver();
    });
    afterEach(async () => {
      await removeWebhooks(admin);
      await receiver.stop();
    });

    /** Makes a webhook by the form. Returns the address of its page, and its secret. */
    async function create(events = "token.created") {
      const made = await visitor.submit("/account/webhooks", { url: ` ${receiver.url} `, events, packages: "*" });
      expect([made.status, made.headers.get("cache-control")]).toEqual([200, "no-store"]);
      const secret = /whsec_[A-Za-z0-9+/]{43}=/.exec(made.text)?.[0] ?? "";
      const id = /account\/webhooks\/([0-9a-f-]{36})/.exec(made.text)?.[1] ?? "";
      return { secret, id, path: `/account/webhooks/${id}` };
    }

    test("a new webhook shows its secret once, which verifies what is sent", async () => {
      const { secret, path } = await create("token.created, token.revoked");
      await withToken(admin, ["read"]);
      await waitUntil(() => receiver.received.length === 1, "the event arrives");
      expect(verified(secret, receiver.received[0] as never).type).toBe("token.created");
      const list = (await visitor.see("/account/webhooks")).text;
      expect(list).toContain("token.created, token.revoked");
      expect(list).toContain(receiver.url);
      expect(list + (await visitor.see(path)).text).not.toContain(secret);
    });

    test("a refused form says at the field what is wrong, keeps what was typed, and makes nothing", async () => {
      const typed = { url: "https://10.0.0.1/hook", events: "*", packages: "my-*" };
      const { status, text } = await visitor.submit("/account/webhooks", typed);
      expect([status, text.includes('aria-describedby="url-hint url-fault"')]).toEqual([422, true]);
      for (const shown of ["It must not be an internal address.", 'value="https://10.0.0.1/hook"', 'value="my-*"'])
        expect(text).toContain(shown);
      const unknown = await visitor.submit("/account/webhooks", { ...typed, events: "version.* nothing" });
      expect([unknown.status, unknown.text.includes("It must be the kind of an event")]).toEqual([422, true]);
      expect((await admin.get("/api/webhooks")).body.items).toEqual([]);
    });

    test("members are offered the kinds of events that they get, and administrators all", async () => {
      const member = await visitorOf(registry(), await newAccount(registry()));
      const [own, all] = await Promise.all([member, visitor].map((each) => each.see("/account/webhooks")));
      for (const kind of ["version.published", "owner.added"]) expect(own?.text).toContain(kind);
      expect([own?.text.includes("session.started"), all?.text.includes("session.started")]).toEqual([false, true]);
    });

    test("a test says above the page how it went, and beside the deliveries what to do", async () => {
      const { path } = await create();
      const good = await visitor.submit(`${path}/test`, {});
      expect([good.status, good.location]).toEqual([303, `../../..${path}?done=webhook-tested`]);
      const taken = (await visitor.see(`${path}?done=webhook-tested`)).text;
      expect(taken).toContain("The receiver took the test message.");
      expect(taken).not.toContain("The last attempt failed.");
      receiver.answer = () => new Response(null, { status: 403 });
      const bad = await visitor.submit(`${path}/test`, {});
      expect(bad.location).toEndWith("?done=webhook-test-failed");
      const { text } = await visitor.see(`${path}?done=webhook-test-failed`);
      for (const shown of [
        "did not take the test message",
        "It answered 403.",
        "Does the receiver check the signature",
      ])
        expect(text).toContain(shown);
    });

    test("a disabled webhook shows the reason, and is sent everything again by a form", async () => {
      const { id, path } = await create();
      receiver.answer = () => new Response(null, { status: 410 });
      await withToken(admin, ["read"]);
      const state = async () => (await admin.get(`/api/webhooks/${id}`)).body.state;
      await waitUntil(async () => (await state()) === "disabled", "it is disabled");
      for (const page of ["/account/webhooks", path]) {
        const { text } = await visitor.see(page);
        expect([page, text.includes("disabled</span>"), text.includes("It answered 410.")]).toEqual([page, true, true]);
      }
      receiver.answer = () => new Response("ok");
      const replayed = await visitor.submit(`${path}/replay`, { since: "1h" });
      expect(replayed.location).toEndWith(`${path}?done=webhook-replayed`);
      await waitUntil(() => receiver.ids.slice(1).includes(receiver.ids[0] ?? ""), "it is sent again");
      expect(await state()).toBe("active");
    });

    test("a removal is confirmed, and afterwards its page is not found", async () => {
      const { path } = await create();
      const unconfirmed = await visitor.submit(`${path}/remove`, {});
      expect([unconfirmed.status, unconfirmed.text.includes("Tick this box")]).toEqual([422, true]);
      expect(await visitor.done(`${path}/remove`, { confirm: "yes" })).toEqual({
        page: "/account/webhooks",
        said: `The webhook to ${new URL(receiver.url).host} is removed. Nothing more is sent there by it.`,
      });
      const gone = await visitor.see(path);
      expect([gone.status, gone.text.includes("You have no such webhook")]).toEqual([404, true]);
      expect((await visitor.submit(`${path}/test`, {})).status).toBe(404);
      expect(receiver.received).toEqual([]);
    });
  },
  { env: { WEBHOOK_ALLOWED_HOSTS: "127.0.0.1" } },
);
