import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Client, PASSWORD } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { newAdmin, withToken } from "../support/roles.ts";
import { waitUntil } from "../support/wait-until.ts";
import { Receiver, removeWebhooks, verified } from "../support/webhook-receiver.ts";
import { hasTerminal, User } from "./scene.ts";

/* The commands for webhooks, with a receiver that checks messages as other programs do. */

/** How often the registry looks for events. */
const PACE_MS = 50;
const HOUR_MS = 3_600_000;
const SECRET = /^whsec_[A-Za-z0-9+/]{43}=\n$/;

describe("the client's commands for webhooks", () => {
  let registry: TestRegistry;
  let admin: Client;
  let user: User;
  let receiver: Receiver;

  beforeAll(async () => {
    registry = await startRegistry("sqlite", { env: { WEBHOOK_ALLOWED_HOSTS: "127.0.0.1" } });
    registry.deps.webhooks.start(PACE_MS);
    admin = await newAdmin(registry);
    user = await User.make();
  });
  afterAll(async () => {
    await registry?.stop();
    await user?.remove();
  });
  beforeEach(() => {
    receiver = new Receiver();
  });
  afterEach(async () => {
    await removeWebhooks(admin);
    await receiver.stop();
  });

  const as = () => ["--registry", registry.url, "--username", admin.username];
  /** Runs a command, and gives the password as a script does. */
  const webhook = (...args: string[]) =>
    user.run(["webhook", ...args, ...as(), "--password-stdin"], { stdin: `${PASSWORD}\n` });
  /** Makes a webhook for some events. Returns its id and its secret. */
  async function create(...events: string[]) {
    const options = events.flatMap((each) => ["--event", each]);
    const { code, stdout, stderr } = await webhook("create", receiver.url, ...options);
    expect([code, stdout]).toEqual([0, expect.stringMatching(SECRET)]);
    return { secret: stdout.trim(), id: /webhook ([0-9a-f-]{36}) sends/.exec(stderr)?.[1] ?? "", hints: stderr };
  }

  test("create prints the secret alone, which verifies what is sent, and says how to go on", async () => {
    const { id, secret, hints } = await create("token.created, token.revoked", "key.*");
    expect(hints).toContain("sends token.created, token.revoked, key.*.");
    expect(hints).toContain(`cpm-registry webhook test ${id}`);
    expect(hints).not.toContain(secret);
    await withToken(admin, ["read"]);
    await waitUntil(() => receiver.received.length === 1, "the event arrives");
    expect(verified(secret, receiver.received[0] as never)).toMatchObject({ type: "token.created" });
    const list = await webhook("list");
    expect(list.stdout).toBe(`${id}\tactive\t${receiver.url}\ttoken.created,token.revoked,key.*\t*\t\n`);
    const json = JSON.parse((await webhook("list", "--json")).stdout);
    expect(json.items[0]).toMatchObject({ id, state: "active", packages: ["*"] });
    expect(JSON.stringify(json)).not.toContain(secret);
  });

  test("create names the values that are refused, and makes nothing", async () => {
    const refused = await webhook("create", receiver.url, "--event", "version.*,version.publishd", "--package", "X");
    expect([refused.code, refused.stdout]).toEqual([65, ""]);
    expect(refused.stderr).toContain("'version.publishd' must be the kind of an event");
    expect(refused.stderr).toContain("'X' must be the name of a package");
    const internal = await webhook("create", "https://10.0.0.1/", "--json");
    expect([internal.code, JSON.parse(internal.stdout).error.code]).toEqual([65, "validation_failed"]);
    expect(internal.stderr).toContain("url must not be an internal address. The operator can allow it with");
    expect((await webhook("list")).stdout.trim()).toBe("");
  });

  test("test ends with 0 when the receiver took the message, else with 1, the reason and what to do", async () => {
    const { secret } = await create("version.*");
    const good = await webhook("test", receiver.url);
    expect([good.code, good.stdout]).toEqual([
      0,
      expect.stringMatching(/^Delivered: the receiver answered 204 after \d+ ms\.\n$/),
    ]);
    expect(verified(secret, receiver.received[0] as never).type).toBe("webhook.test");
    receiver.answer = () => new Response(null, { status: 401 });
    const bad = await webhook("test", receiver.url);
    expect([bad.code, bad.stdout]).toEqual([1, ""]);
    expect(bad.stderr).toBe(`cpm-registry webhook test failed: The receiver did not take the message: it answered 401.
Does the receiver check the signature with the secret of this webhook, and over the body as it arrived?
`);
    const json = await webhook("test", receiver.url, "--json");
    expect([json.code, JSON.parse(json.stdout)]).toEqual([
      1,
      expect.objectContaining({ outcome: "failed", status: 401, error: expect.objectContaining({}) }),
    ]);
    const listed = (await webhook("deliveries", receiver.url)).stdout.trimEnd().split("\n");
    const outcomes = listed.map((line) => line.split("\t").slice(2, 6));
    expect(outcomes).toEqual([
      ["webhook.test", "1", "failed", "401"],
      ["webhook.test", "1", "failed", "401"],
      ["webhook.test", "1", "delivered", "204"],
    ]);
  });

  test("a webhook that its receiver ended says so in the list, and a replay sends the event again", async () => {
    const { id, secret } = await create("token.created");
    receiver.answer = () => new Response(null, { status: 410 });
    await withToken(admin, ["read"]);
    const state = async () => (await admin.get(`/api/webhooks/${id}`)).body.state;
    await waitUntil(async () => (await state()) === "disabled", "it is disabled");
    expect((await webhook("list")).stdout).toBe(
      `${id}\tdisabled\t${receiver.url}\ttoken.created\t*\tit answered 410\n`,
    );
    receiver.answer = () => new Response("ok");
    const replayed = await webhook("replay", id.slice(0, 6));
    expect([replayed.code, replayed.stdout]).toEqual([
      0,
      `The webhook sends what was not delivered yet. To watch: cpm-registry webhook deliveries ${id}\n`,
    ]);
    await waitUntil(() => receiver.received.length === 2, "it is sent again");
    expect((await webhook("replay", id, "--since", "1h")).code).toBe(0);
    await waitUntil(() => receiver.received.length >= 3, "it is sent once more");
    expect(verified(secret, receiver.received[1] as never).type).toBe("token.created");
    expect(new Set(receiver.ids.slice(0, 2)).size).toBe(1);
  });

  test("a replay from a later time warns that what was not delivered is passed over", async () => {
    const { id } = await create("token.created");
    receiver.answer = () => new Response(null, { status: 410 });
    await withToken(admin, ["read"]);
    const state = async () => (await admin.get(`/api/webhooks/${id}`)).body.state;
    await waitUntil(async () => (await state()) === "disabled", "it is disabled");
    await registry.deps.db.write(async ({ query, tables: { events } }) => {
      const at = new Date(Date.now() - HOUR_MS);
      await query.update(events).set({ at });
    });
    const { code, stderr } = await webhook("replay", id, "--since", "30m");
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^Warning: events from before .* are passed over\.$/m)]);
    expect((await webhook("replay", id, "--since", "30m")).stderr).toBe("");
    expect(await state()).toBe("active");
  });

  test.each(["tomorrow", "2999-01-01", "2026-13-01", ""])(
    "replay refuses the time %p before it asks",
    async (since) => {
      const { code, stderr } = await user.run(["webhook", "replay", "any", "--since", since]);
      expect([code, stderr]).toEqual([64, expect.stringContaining("--since needs a time in the past")]);
    },
  );

  test("an unknown, an ambiguous and an empty name are refused, and nothing is removed", async () => {
    await create("version.*");
    await create("version.*", "owner.*");
    const named = async (name: string) => {
      const { code, stdout } = await webhook("remove", name, "--yes", "--json");
      return [code, JSON.parse(stdout).error.detail];
    };
    expect(await named("nothing")).toEqual([1, expect.stringContaining("cpm-registry webhook list")]);
    expect(await named(receiver.url)).toEqual([1, expect.stringContaining("2 webhooks fit")]);
    expect((await named(""))[0]).toBe(1);
    expect((await admin.get("/api/webhooks")).body.items).toHaveLength(2);
  });

  test("remove asks first, and nothing more is sent afterwards", async () => {
    const { id } = await create("version.*");
    const asked = await webhook("remove", id);
    expect([asked.code, asked.stderr.includes("--yes")]).toEqual([64, true]);
    const removed = await webhook("remove", id, "--yes");
    expect([removed.code, removed.stdout.startsWith(`The webhook ${id} is removed.`)]).toEqual([0, true]);
    expect((await admin.get("/api/webhooks")).body.items).toEqual([]);
  });

  test.skipIf(!hasTerminal)(
    "at a terminal the tables have headings, and the password is asked for and hidden",
    async () => {
      const { id } = await create("version.*");
      const list = await user.type(["webhook", "list", ...as()], [["Password of .*: $", `${PASSWORD}\r`]]);
      expect([list.code, list.unasked]).toEqual([0, []]);
      expect(list.output).toMatch(/ID +STATE +ADDRESS +EVENTS +PACKAGES/);
      expect(list.output).toContain(`${id}  active  ${receiver.url}`);
      expect(list.output).not.toContain(PASSWORD);
      const deliveries = await user.type(
        ["webhook", "deliveries", id, ...as()],
        [["Password of .*: $", `${PASSWORD}\r`]],
      );
      expect(deliveries.output).toMatch(/AT +EVENT +KIND +TRY +OUTCOME +STATUS +MS/);
      expect(deliveries.output).toContain(`Nothing was sent yet. To try it: cpm-registry webhook test ${id}`);
    },
  );
});
