import { expect, test } from "bun:test";
import { createApp } from "../../src/app.ts";
import type { JwtKeys } from "../../src/config/jwt-key.ts";
import { Secret } from "../../src/config/secret.ts";
import { listen } from "../../src/http/server.ts";
import { Client, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases, TEST_JWT_KEY } from "../support/registry.ts";

const NEW_KEY = "a-new-key-Q7mXw2LpB8sNfHc5YdJgUeRaV-tests-only";

onBothDatabases("after a rotation of the session key", (registry) => {
  /** Runs `use` on a server of the same registry with other keys. */
  async function withKeys(keys: JwtKeys, use: (url: string) => Promise<void>): Promise<void> {
    const deps = { ...registry().deps, jwtKeys: new Secret(keys) };
    const app = createApp(deps);
    const server = listen((request) => app.fetch(request), deps);
    try {
      await use(`http://127.0.0.1:${server.port}`);
    } finally {
      await server.stop();
    }
  }

  async function logIn(url: string, username: string): Promise<string> {
    const { body } = await new Client(url).post("/api/auth/login", { username, password: PASSWORD });
    return body.token;
  }

  const statusAt = async (url: string, token: string) => (await new Client(url, token).get("/api/auth/me")).status;

  test("sessions of the old and of the new key are valid, until the old key is removed", async () => {
    const { username } = await newAccount(registry());
    const old = await logIn(registry().url, username);
    await withKeys([NEW_KEY, TEST_JWT_KEY], async (url) => {
      const fresh = await logIn(url, username);
      expect([await statusAt(url, old), await statusAt(url, fresh)]).toEqual([200, 200]);
      // The server before the rotation does not know the new key: it must have signed the session.
      expect(await statusAt(registry().url, fresh)).toBe(401);
      await withKeys([NEW_KEY], async (later) => {
        expect([await statusAt(later, old), await statusAt(later, fresh)]).toEqual([401, 200]);
      });
    });
  });

  test("a form that was open during the rotation can still be sent, until the old key is removed", async () => {
    const { username } = await newAccount(registry());
    const signIn = async (url: string) => {
      const body = new URLSearchParams({ username, password: PASSWORD });
      const response = await fetch(`${url}/login`, { method: "POST", body, redirect: "manual" });
      return response.headers.get("set-cookie")?.split(";")[0] ?? "";
    };
    const tokenOf = async (url: string, cookie: string) =>
      /name="form-token" value="([^"]+)"/.exec((await new Client(url).get("/", { cookie })).text)?.[1] ?? "";
    const logOut = async (url: string, cookie: string, token: string) => {
      const body = new URLSearchParams({ "form-token": token });
      return (await fetch(`${url}/logout`, { method: "POST", headers: { cookie }, body, redirect: "manual" })).status;
    };
    const cookie = await signIn(registry().url);
    const open = await tokenOf(registry().url, cookie);
    await withKeys([NEW_KEY, TEST_JWT_KEY], async (url) => {
      expect(open).not.toBe(await tokenOf(url, cookie));
      await withKeys([NEW_KEY], async (later) => {
        const fresh = await signIn(later);
        expect(await logOut(later, fresh, open)).toBe(403);
      });
      expect(await logOut(url, cookie, open)).toBe(303);
    });
  });
});
