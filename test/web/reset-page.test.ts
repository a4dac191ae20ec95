import { expect, test } from "bun:test";
import { newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newResetLink } from "../support/reset-links.ts";
import { open, send, signIn } from "./site-roles.ts";

const NEW_PASSWORD = "only the owner knows this one";

onBothDatabases(
  "the page of a reset link in a private registry",
  (registry) => {
    const see = async (path: string, headers: Record<string, string> = {}) => {
      const response = await open(registry().url, path, headers);
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    const submit = async (fields: Record<string, string>, headers: Record<string, string> = {}) => {
      const response = await send(registry().url, "/reset", fields, headers);
      return { status: response.status, location: response.headers.get("location"), text: await response.text() };
    };
    const newLink = async () => {
      const { username = "" } = await newAccount(registry(), "page");
      return { username, token: await newResetLink(registry(), username) };
    };

    test("asks a guest for a new password, is stored nowhere, and gives the token to no other page", async () => {
      const { username, token } = await newLink();
      const { status, headers, text } = await see(`/reset?token=${token}`);
      expect(status).toBe(200);
      expect([headers.get("cache-control"), headers.get("referrer-policy")]).toEqual(["no-store", "same-origin"]);
      expect(text).toContain(`name="token" value="${token}"`);
      expect(text).toMatch(new RegExp(`autocomplete="username"[^>]*value="${username}"`));
      expect(text).toContain('autocomplete="new-password"');
      for (const [, href] of text.matchAll(/href="([^"]+)"/g)) expect(href).not.toContain(token);
      // To look at it does not use it up: programs that check mail open links too.
      expect((await see(`/reset?token=${token}`)).status).toBe(200);
    });

    test("says at the field what is wrong with a password, and then sets a better one", async () => {
      const { username, token } = await newLink();
      const short = await submit({ token, password: "too short" });
      expect(short.status).toBe(422);
      expect(short.text).toContain('aria-describedby="password-hint password-fault"');
      expect(short.text).toContain(`name="token" value="${token}"`);
      expect(short.text).not.toContain("too short");
      const { status, location } = await submit({ token, password: NEW_PASSWORD });
      expect([status, location]).toEqual([303, "./login?done=password-set"]);
      expect((await see("/login?done=password-set")).text).toContain("Your new password is set.");
      expect((await signIn(registry().url, username, NEW_PASSWORD)).cookie).toContain("cpm_session=");
    });

    test("of a link that is not valid any more says so before anybody types, and whom to ask", async () => {
      const { token } = await newLink();
      await submit({ token, password: NEW_PASSWORD });
      const hostile = encodeURIComponent(`"><script>alert(1)</script>`);
      for (const path of ["/reset", `/reset?token=${token}`, `/reset?token=${hostile}`, "/reset?token=%00"]) {
        const { status, headers, text } = await see(path);
        expect([path, status, headers.get("cache-control")]).toEqual([path, 403, "no-store"]);
        expect(text).toContain("Ask the operator or an administrator");
        expect(text).not.toMatch(/<input id="password"|<script>alert/);
      }
      const again = await submit({ token, password: PASSWORD });
      expect([again.status, again.text.includes("This link is not valid")]).toEqual([403, true]);
    });

    test("works for somebody who is signed in, whose session it does not take", async () => {
      const { username, token } = await newLink();
      const other = await signIn(registry().url, (await newAccount(registry(), "other")).username ?? "");
      const { status, text } = await see(`/reset?token=${token}`, { cookie: other.cookie });
      expect([status, text.includes(`value="${username}"`)]).toEqual([200, true]);
      const { location } = await submit({ token, password: NEW_PASSWORD }, { cookie: other.cookie });
      expect(location).toBe("./login?done=password-set");
      expect((await see("/account", { cookie: other.cookie })).status).toBe(200);
    });
  },
  { env: { READ_ACCESS: "authenticated" } },
);
