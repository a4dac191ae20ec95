import { expect, test } from "bun:test";
import { runOffline } from "../maintenance/scene.ts";
import { Client, expectProblem, PASSWORD } from "../support/client.ts";
import { onBothDatabases, TEST_PUBLIC_URL } from "../support/registry.ts";

/* Invitations to make an account where registration is closed. */

onBothDatabases(
  "an invitation to a closed registry",
  (registry) => {
    const guest = () => new Client(registry().url);
    const invite = async (...args: string[]) => {
      const { stdout, stderr, exitCode } = await runOffline(registry(), "admin", "invite", "--json", ...args);
      expect([stderr, exitCode]).toEqual(["", 0]);
      return JSON.parse(stdout);
    };
    const register = (username: string, invitation?: string, email = `${username}@example.org`) =>
      guest().post("/api/auth/register", { username, email, password: PASSWORD, invitation });

    test("makes one account, and no second one", async () => {
      expectProblem(await register("ada"), 403, "registration_closed");
      const { token, link } = await invite();
      expect(new URL(link).searchParams.get("invitation")).toBe(token);
      const taken = await Promise.all(["ada", "bob"].map((username) => register(username, token)));
      expect(taken.map(({ status }) => status).sort()).toEqual([201, 403]);
      expectProblem(await register("carol", token), 403, "invitation_invalid");
      const stored = await registry().deps.db.read(({ query, tables: { accountLinks } }) =>
        query.select().from(accountLinks),
      );
      expect(JSON.stringify(stored)).not.toContain(token);
    });

    test("is not used up by a registration that is refused", async () => {
      const { token } = await invite();
      expect((await register("dora", token)).status).toBe(201);
      const { token: another } = await invite();
      expectProblem(await register("dora", another, "other@example.org"), 409, "username_taken");
      expect((await register("emil", another)).status).toBe(201);
    });

    test("for an address is of no use for another, and ends with its time", async () => {
      const { token } = await invite("--email", "Fred@example.org", "--days", "1");
      expectProblem(await register("gina", token), 403, "invitation_invalid");
      registry().now = new Date(Date.now() + 25 * 3_600_000);
      expectProblem(await register("fred", token), 403, "invitation_invalid");
      registry().now = undefined;
      expect((await register("fred", token, "fred@example.org")).status).toBe(201);
      expectProblem(await register("hans", "made-up"), 403, "invitation_invalid");
      expectProblem(await register("hans", "no token!"), 422, "validation_failed");
      for (const wrong of [
        ["--days", "0"],
        ["--days", "91"],
      ]) {
        expect((await runOffline(registry(), "admin", "invite", ...wrong)).exitCode).toBe(64);
      }
    });

    test("is listed until it is withdrawn by the beginning of its id", async () => {
      const { token } = await invite("--email", "jo@example.org");
      const { token: other } = await invite("--email", "kim@example.org");
      const { stdout } = await runOffline(registry(), "admin", "invite", "--list");
      const [, id = ""] = /^([0-9a-f]{12}) {2}jo@example\.org {2}/m.exec(stdout) ?? [];
      expect(stdout).not.toContain(token.slice(0, 12));
      const { withdrawn } = await invite("--revoke", id);
      expect([withdrawn.id.slice(0, 12), withdrawn.email]).toEqual([id, "jo@example.org"]);
      expectProblem(await register("jo", token), 403, "invitation_invalid");
      const { invitations } = await invite("--list");
      const emails = invitations.map(({ email }: { email: string | null }) => email);
      expect([emails.includes("jo@example.org"), emails.includes("kim@example.org")]).toEqual([false, true]);
      const again = await runOffline(registry(), "admin", "invite", "--revoke", id);
      expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining("admin invite --list")]);
      expect((await runOffline(registry(), "admin", "invite", "--revoke", "")).exitCode).toBe(64);
      expect((await register("kim", other)).status).toBe(201);
    });

    test("for an address fills it into the form of the page, and names it", async () => {
      const { token } = await invite("--email", "lea@example.org");
      const { text } = await guest().get(`/register?invitation=${token}`, { accept: "text/html" });
      expect(text).toContain("This invitation is for <strong>lea@example.org</strong>");
      expect(text).toMatch(
        /<input [^>]*name="email"[^>]* value="lea@example\.org"|<input [^>]*value="lea@example\.org"[^>]* name="email"/,
      );
    });

    test("opens the form of the page, and makes the account there", async () => {
      const page = async (path: string) => (await guest().get(path, { accept: "text/html" })).text;
      expect(await page("/register")).toContain("needs an invitation");
      const { token } = await invite();
      expect(await page(`/register?invitation=${token}`)).toContain(`name="invitation" value="${token}"`);
      const body = new URLSearchParams({
        username: "ina",
        email: "ina@example.org",
        password: PASSWORD,
        invitation: token,
      });
      const headers = {
        "content-type": "application/x-www-form-urlencoded",
        origin: TEST_PUBLIC_URL,
        accept: "text/html",
      };
      const refused = await guest().post(
        "/register",
        new URLSearchParams({ ...Object.fromEntries(body), email: "no" }).toString(),
        headers,
      );
      expect(refused.text).toContain(`name="invitation" value="${token}"`);
      const made = await guest().post("/register", body.toString(), headers);
      expect([made.status, made.headers.get("location")]).toEqual([303, expect.stringContaining("account")]);
      expect((await guest().post("/api/auth/login", { username: "ina", password: PASSWORD })).status).toBe(200);
    });
  },
  { env: { REGISTRATION: "closed" } },
);
