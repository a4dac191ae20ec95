import { afterEach, expect, test } from "bun:test";
import { inviteAccount } from "../../src/accounts/account-links.ts";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { deleteAccount } from "../../src/moderation/delete-account.ts";
import { forgetAccount } from "../../src/moderation/forget-account.ts";
import { resetPassword } from "../../src/moderation/reset-password.ts";
import { disableAccount, enableAccount } from "../../src/moderation/set-disabled.ts";
import { type Answer, Client, expectProblem, newAccount, PASSWORD } from "../support/client.ts";
import { switchReadOnly } from "../support/read-only.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newResetLink } from "../support/reset-links.ts";
import { eventsOf, withToken } from "../support/roles.ts";

const NEW_PASSWORD = "only the owner knows this one";
const HOUR_MS = 3_600_000;
const NETWORK_FAILURES_MAX = 20;
const keep = { retireKeys: false };

/** What an answer says, without what differs in each. */
const saidBy = ({ status, body: { requestId: _, ...rest } }: Answer) => ({ status, ...rest });

/** Links by which the owner of an account sets a new password. */
onBothDatabases(
  "a reset link",
  (registry) => {
    let clients = 0;
    afterEach(() => {
      registry().now = undefined;
    });
    const newAddress = () => {
      clients += 1;
      return `10.9.0.${clients}`;
    };
    const post = (path: string, body: object, address = newAddress()) =>
      new Client(registry().url).post(`/api/auth/${path}`, body, { "x-forwarded-for": address });
    const reset = (token: string, password = NEW_PASSWORD, address = newAddress()) =>
      post("reset", { token, password }, address);
    const login = (username: string | undefined, password: string) => post("login", { username, password });
    const linkOf = ({ username }: Client, hours?: number) => newResetLink(registry(), username, hours);

    test("sets the password once, and in between the old one is as wrong as any", async () => {
      const account = await newAccount(registry(), "linked");
      const { username } = account;
      const token = await withToken(account, ["read"]);
      const link = await linkOf(account);
      // Nothing that a shell, an option or a chat would take for something else.
      expect(link).toMatch(/^[0-9a-f]{48}$/);
      for (const client of [account, token]) expectProblem(await client.get("/api/auth/me"), 401, "unauthenticated");
      const [old, wrong] = [await login(username, PASSWORD), await login(username, "a wrong password")];
      expectProblem(old, 401, "invalid_credentials");
      expect(saidBy(old)).toEqual(saidBy(wrong));
      const done = await reset(link);
      expect([done.status, done.body.user.username, done.headers.get("cache-control")]).toEqual([
        200,
        username,
        "no-store",
      ]);
      expect((await login(username, NEW_PASSWORD)).status).toBe(200);
      expectProblem(await reset(link, PASSWORD), 403, "reset_link_invalid");
      expect((await login(username, NEW_PASSWORD)).status).toBe(200);
    });

    test("leaves events that say who did what, and nothing that could be used", async () => {
      const account = await newAccount(registry(), "recorded");
      const { username } = account;
      const link = await linkOf(account);
      expect((await reset(link)).status).toBe(200);
      const linkExpiresAt = expect.stringMatching(/^\d{4}-.*Z$/);
      expect((await eventsOf(registry(), "account.password_reset")).at(-1)).toMatchObject({
        by: null,
        details: { username, linkExpiresAt },
      });
      expect((await eventsOf(registry(), "account.password_changed")).at(-1)).toMatchObject({
        by: username,
        details: { byLink: true },
      });
      await linkOf(account);
      const rows = await registry().deps.db.read(async ({ query, tables: { events, accountLinks } }) => ({
        events: await query.select().from(events),
        links: await query.select().from(accountLinks),
      }));
      expect(rows.links.length).toBeGreaterThan(0);
      const stored = JSON.stringify(rows);
      for (const secret of [link, NEW_PASSWORD]) expect(stored).not.toContain(secret);
    });

    test("that is unknown, used, replaced or expired, or an invitation, is refused with the same words", async () => {
      const account = await newAccount(registry(), "refused");
      const used = await linkOf(account);
      expect((await reset(used)).status).toBe(200);
      const replaced = await linkOf(account);
      const valid = await linkOf(account, 2);
      const invitation = await inviteAccount(registry().deps, OPERATOR, { email: undefined, days: 1 });
      const wrong = ["made-up", used, replaced, invitation.token];
      const answers = await Promise.all(wrong.map((token) => reset(token)));
      registry().now = new Date(Date.now() + 2 * HOUR_MS + 1_000);
      answers.push(await reset(valid));
      for (const answer of answers) {
        expectProblem(answer, 403, "reset_link_invalid");
        expect(saidBy(answer)).toEqual(saidBy(answers[0] ?? answer));
      }
      registry().now = new Date(Date.now() + HOUR_MS);
      expect((await reset(valid)).status).toBe(200);
    });

    test("that two use at the same time lets one of them set the password", async () => {
      const account = await newAccount(registry(), "raced");
      const link = await linkOf(account);
      const passwords = ["the first of two passwords", "the second of two passwords"];
      const answers = await Promise.all(passwords.map((password) => reset(link, password)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
      const logins = await Promise.all(passwords.map((password) => login(account.username, password)));
      expect(logins.map(({ status }) => status)).toEqual(answers.map(({ status }) => (status === 200 ? 200 : 401)));
    });

    test.each([
      ["a password that the operator gives", (name: string) => resetPassword(registry().deps, OPERATOR, name, given)],
      ["disabling the account", (name: string) => disableAccount(registry().deps, OPERATOR, name, keep)],
      ["deleting the account", (name: string) => deleteAccount(registry().deps, OPERATOR, name)],
      ["forgetting the account", (name: string) => forgetAccount(registry().deps, OPERATOR, name, undefined)],
    ])("ends with %s", async (_, end) => {
      const account = await newAccount(registry(), "ended");
      const link = await linkOf(account);
      await end(account.username ?? "");
      await enableAccount(registry().deps, OPERATOR, account.username ?? "").catch(() => undefined);
      expectProblem(await reset(link), 403, "reset_link_invalid");
    });
    const given = { password: "given by the operator", retireKeys: false };

    test("that is made for a disabled account works once the account is enabled", async () => {
      const account = await newAccount(registry(), "paused");
      const { username = "" } = account;
      await disableAccount(registry().deps, OPERATOR, username, keep);
      const link = await linkOf(account);
      expectProblem(await reset(link), 403, "account_disabled");
      await enableAccount(registry().deps, OPERATOR, username);
      expect((await reset(link)).status).toBe(200);
    });

    test("is not used up by a password that is too short or by a body that is refused", async () => {
      const link = await linkOf(await newAccount(registry(), "unspent"));
      const short = await reset(link, "too short");
      expectProblem(short, 422, "validation_failed");
      expect(short.text).not.toContain("too short");
      expect(short.body.errors).toEqual([{ path: "/password", message: "must be 10 to 1024 characters" }]);
      expectProblem(await post("reset", { password: NEW_PASSWORD }), 422, "validation_failed");
      expectProblem(await reset("no token: \0"), 422, "validation_failed");
      expectProblem(await reset(link, "x".repeat(100_000)), 413, "payload_too_large");
      await switchReadOnly(registry(), "it is being moved");
      expectProblem(await reset(link), 503, "read_only");
      await switchReadOnly(registry(), undefined);
      expect((await reset(link)).status).toBe(200);
    });

    test("forgets the failed logins of the account", async () => {
      const account = await newAccount(registry(), "failed");
      const link = await linkOf(account);
      const here = newAddress();
      for (let at = 0; at < 6; at += 1)
        await post("login", { username: account.username, password: "a wrong password" }, here);
      const again = () => post("login", { username: account.username, password: NEW_PASSWORD }, here);
      expectProblem(await again(), 429, "too_many_attempts");
      expect((await reset(link)).status).toBe(200);
      expect((await again()).status).toBe(200);
    });

    test("is not guessed: wrong tokens of one network wait like failed logins, and other networks do not", async () => {
      registry().now = new Date();
      const link = await linkOf(await newAccount(registry(), "guessed"));
      const here = newAddress();
      for (let at = 0; at < NETWORK_FAILURES_MAX; at += 1)
        expectProblem(await reset(`guess-${at}`, NEW_PASSWORD, here), 403, "reset_link_invalid");
      const waiting = await reset(link, NEW_PASSWORD, here);
      expectProblem(waiting, 429, "too_many_attempts");
      expect(waiting.headers.get("retry-after")).toBe("60");
      expect((await reset(link)).status).toBe(200);
    });
  },
  { env: { TRUSTED_PROXIES: "127.0.0.1" } },
);
