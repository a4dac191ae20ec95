import { afterEach, expect, test } from "bun:test";
import { OPERATOR } from "../../src/audit/record-event.ts";
import type { Eviction } from "../../src/moderation/evict.ts";
import { resetPassword } from "../../src/moderation/reset-password.ts";
import { disableAccount, enableAccount } from "../../src/moderation/set-disabled.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, type Json, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { keyIdOf, newKey, resetTo } from "../support/key-statements.ts";
import { untilLockWaiters } from "../support/lock-waiters.ts";
import { clientOf, onBothDatabases, type TestRegistry } from "../support/registry.ts";
import { RESET_DELAY_MS } from "../support/reset-scene.ts";
import { eventsOf, withToken } from "../support/roles.ts";

const DAY_MS = 24 * 60 * 60_000;
const NEW_PASSWORD = "only the owner knows this one";

type Deps = TestRegistry["deps"];

/** How an owner gets an account back, and the password afterwards. */
type Recovery = readonly [
  how: string,
  password: string,
  by: "operator" | "owner",
  recover: (deps: Deps, owner: Client, retireKeys: boolean) => Promise<Eviction>,
];

const RECOVERIES: readonly Recovery[] = [
  [
    "reset-password",
    NEW_PASSWORD,
    "operator",
    (deps, { username }, retireKeys) => resetPassword(deps, OPERATOR, username, { password: NEW_PASSWORD, retireKeys }),
  ],
  [
    "disable, reset-password and enable",
    NEW_PASSWORD,
    "operator",
    async (deps, { username }, retireKeys) => {
      const evicted = await disableAccount(deps, OPERATOR, username, { retireKeys });
      const again = await resetPassword(deps, OPERATOR, username, { password: NEW_PASSWORD, retireKeys });
      expect([again.sessionsEnded, again.tokensRevoked, again.resetsCancelled]).toEqual([0, 0, []]);
      await enableAccount(deps, OPERATOR, username);
      return evicted;
    },
  ],
  [
    "a logout everywhere",
    PASSWORD,
    "owner",
    async (_deps, owner, retireKeys) => {
      const answer = await owner.post("/api/auth/logout", { everywhere: true, retireKeys });
      expect(answer.status).toBe(200);
      return answer.body;
    },
  ],
];

onBothDatabases(
  "taking an account back",
  (registry) => {
    afterEach(() => {
      registry().now = undefined;
    });
    let names = 0;

    const logIn = async ({ username }: Client, password = PASSWORD) => {
      const { status, body } = await new Client(registry().url).post("/api/auth/login", { username, password });
      expect(status).toBe(200);
      return new Client(registry().url, body.token, username);
    };
    const publish = (by: Client, name: string, version: string, key: ReturnType<typeof makeKey>) =>
      by.publish(name, version, makePackage({ name, version }), key);

    /** An owner of a package, and a thief with a session of the account who used it. */
    const robbed = async () => {
      names += 1;
      const name = `robbed-${names}`;
      const [owner, accomplice] = [await newAccount(registry(), "owner"), await newAccount(registry(), "accomplice")];
      const key = await newKey(owner);
      expect((await publish(owner, name, "1.0.0", key)).status).toBe(201);
      const thief = await logIn(owner);
      const token = await withToken(thief, ["read", "publish-new", "publish-update", "owners"]);
      const thiefsKey = await newKey(thief);
      const address = `/api/packages/${name}/owners/${accomplice.username}`;
      expect((await thief.send("PUT", address)).status).toBe(200);
      expect((await resetTo(thief, name, thiefsKey)).status).toBe(200);
      return { name, owner, accomplice, key, thief, token, thiefsKey, address };
    };

    test.each(RECOVERIES)("%s ends what a thief has and takes back what the thief did", async (...recovery) => {
      const [, password, by, recover] = recovery;
      const { name, owner, accomplice, key, thief, token, thiefsKey, address } = await robbed();
      const evicted = await recover(registry().deps, owner, false);
      const { recentKeys, ...rest } = evicted;
      expect(rest as object).toMatchObject({
        sessionsEnded: 2,
        tokensRevoked: 1,
        invitationsWithdrawn: [{ package: name, username: accomplice.username }],
        resetsCancelled: [name],
      });
      const keyIds = [keyIdOf(key), keyIdOf(thiefsKey)];
      expect(recentKeys.map(({ keyId, retiredAt }) => [keyId, retiredAt])).toEqual(keyIds.map((id) => [id, null]));
      for (const client of [thief, token, owner]) {
        expectProblem(await client.get("/api/auth/me"), 401, "unauthenticated");
      }
      expectProblem(await accomplice.send("PUT", address), 403, "not_an_owner");
      const { items, invitations } = (await accomplice.get(`/api/packages/${name}/owners`)).body;
      expect([items.map(({ username }: Json) => username), invitations]).toEqual([[owner.username], []]);
      const { reset, changes } = (await accomplice.get(`/api/packages/${name}/keys`)).body;
      expect([reset, changes.map(({ action }: Json) => action)]).toEqual([null, ["reset", "cancel"]]);
      const actor = by === "owner" ? owner.username : null;
      const recorded = [
        ...(await eventsOf(registry(), "owner.invitation_withdrawn", name)),
        ...(await eventsOf(registry(), "package_key.reset_cancelled", name)),
      ];
      expect(recorded.map((event) => event.by)).toEqual([actor, actor]);
      registry().now = new Date(Date.now() + RESET_DELAY_MS + 60_000);
      const back = await logIn(owner, password);
      expectProblem(await publish(back, name, "2.0.0", thiefsKey), 403, "key_not_trusted");
      expect((await publish(back, name, "2.0.0", key)).status).toBe(201);
    });

    test.each(RECOVERIES)("%s retires keys of the last 30 days on request, and no older one", async (...recovery) => {
      const [, password, by, recover] = recovery;
      const { name, owner, key, thief } = await robbed();
      registry().now = new Date(Date.now() + 31 * DAY_MS);
      const back = await logIn(owner);
      const late = await newKey(back);
      const evicted = await recover(registry().deps, back, true);
      expect(evicted.recentKeys.map(({ keyId, retiredAt }) => [keyId, typeof retiredAt])).toEqual([
        [keyIdOf(late), "string"],
      ]);
      expectProblem(await thief.get("/api/auth/me"), 401, "unauthenticated");
      const events = await eventsOf(registry(), "key.retired");
      const { keyId, username }: Json = events.at(-1)?.details ?? {};
      expect([keyId, username, events.at(-1)?.by]).toEqual([
        keyIdOf(late),
        owner.username,
        by === "owner" ? owner.username : null,
      ]);
      const again = await logIn(owner, password);
      expectProblem(await publish(again, `${name}-late`, "1.0.0", late), 403, "key_not_trusted");
      expect((await publish(again, `${name}-old`, "1.0.0", key)).status).toBe(201);
    });

    test("an eviction touches no other account, and no invitation or reset by another owner", async () => {
      const { name, owner, accomplice } = await robbed();
      const other = await newAccount(registry(), "other");
      const key = await newKey(other);
      expect((await publish(other, `${name}-b`, "1.0.0", key)).status).toBe(201);
      const token = await withToken(other, ["read"]);
      for (const invited of [owner, accomplice]) {
        const path = `/api/packages/${name}-b/owners/${invited.username}`;
        expect((await other.send("PUT", path)).status).toBe(200);
      }
      expect((await resetTo(other, `${name}-b`, makeKey())).status).toBe(200);
      await disableAccount(registry().deps, OPERATOR, owner.username, { retireKeys: true });
      for (const client of [other, token]) expect((await client.get("/api/auth/me")).status).toBe(200);
      expect((await other.get(`/api/packages/${name}-b/owners`)).body.invitations).toHaveLength(2);
      expect((await other.get(`/api/packages/${name}-b/keys`)).body.reset).not.toBeNull();
      const [kept] = (await other.get("/api/auth/keys")).body.items;
      expect([kept.keyId, kept.retiredAt]).toEqual([keyIdOf(key), null]);
    });

    test("a write that waits while the account is evicted is refused, so nothing of a thief comes after", async () => {
      if (registry().kind === "sqlite") return;
      const { name, owner, thief } = await robbed();
      const { username } = await newAccount(registry(), "late");
      const sql = clientOf(registry());
      let inviting: ReturnType<Client["send"]> | undefined;
      await sql.begin(async (evicting) => {
        await evicting`SELECT 1 FROM users WHERE username = ${owner.username} FOR NO KEY UPDATE`;
        inviting = thief.send("PUT", `/api/packages/${name}/owners/${username}`);
        await untilLockWaiters(registry(), 1);
        // The package is free: accounts are locked first.
        const free = await sql`SELECT 1 FROM packages WHERE name = ${name} FOR UPDATE SKIP LOCKED`;
        expect(free.length).toBe(1);
        await evicting`DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = ${owner.username})`;
      });
      await sql.end();
      expectProblem((await inviting) as never, 401, "unauthenticated");
    });

    test("a logout without everywhere ends its session only, and refuses a misspelled field", async () => {
      const owner = await newAccount(registry());
      const [second, token] = [await logIn(owner), await withToken(owner, ["read"])];
      for (const body of [{ everywere: true }, { everywhere: "yes" }, { retireKeys: true }]) {
        expectProblem(await second.post("/api/auth/logout", body), 422, "validation_failed");
      }
      expectProblem(await token.post("/api/auth/logout", { everywhere: true }), 403, "session_required");
      expect((await second.post("/api/auth/logout", { everywhere: false })).status).toBe(204);
      expectProblem(await second.get("/api/auth/me"), 401, "unauthenticated");
      for (const client of [owner, token]) expect((await client.get("/api/auth/me")).status).toBe(200);
    });

    test("a password change revokes API tokens, unless keepTokens is true", async () => {
      const owner = await newAccount(registry());
      const [kept, other] = [await withToken(owner, ["read"]), await withToken(await newAccount(registry()), ["read"])];
      const change = (currentPassword: string, newPassword: string, more: object = {}) =>
        owner.post("/api/auth/password", { currentPassword, newPassword, ...more });
      expect((await change(PASSWORD, NEW_PASSWORD, { keepTokens: true })).status).toBe(204);
      expect((await kept.get("/api/auth/me")).status).toBe(200);
      expectProblem(await change(NEW_PASSWORD, PASSWORD, { keepTokens: "yes" }), 422, "validation_failed");
      expect((await change(NEW_PASSWORD, PASSWORD)).status).toBe(204);
      expectProblem(await kept.get("/api/auth/me"), 401, "unauthenticated");
      expect((await other.get("/api/auth/me")).status).toBe(200);
      const revoked: Json = (await eventsOf(registry(), "token.revoked")).at(-1);
      expect([revoked.by, revoked.details.username]).toEqual([owner.username, owner.username]);
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
