import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { makePackage } from "../support/archive-maker.ts";
import { Client, type Json, makeKey, newAccount, PASSWORD, sha256 } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { withBrowser } from "./browser.ts";

/*
 * Shows whether a browser lets pages of other origins use the registry. test/api/cors.test.ts
 * checks the headers.
 */

/** The account that the origin which is not allowed tries to make. */
const FORM = { username: "intruder", email: "intruder@example.org", password: PASSWORD };

/** A site on a port of its own, and so an origin of its own, with an empty page. */
function startSite(hostname: string) {
  const headers = { "content-type": "text/html; charset=utf-8" };
  return Bun.serve({
    hostname,
    port: 0,
    fetch: () => new Response("<!doctype html><link rel=icon href=data:,><title>A site</title>", { headers }),
  });
}

/** What a page's script asks for. */
interface Asked {
  readonly path: string;
  readonly method?: string;
  readonly token?: string;
  readonly json?: object;
  readonly headers?: Record<string, string>;
  readonly credentials?: "include";
}

/** What the script can read: an answer, or the name of what `fetch` threw. */
interface Seen {
  readonly threw?: string;
  readonly status?: number;
  readonly type?: string;
  readonly headers?: Record<string, string>;
  readonly text?: string;
  readonly digest?: string;
}

/**
 * Runs in the page. The browser compares digests, so the bytes are proved to have arrived there.
 */
const ASK = `async ({ base, path, method = "GET", token, json, headers = {}, credentials = "same-origin" }) => {
  const type = json && { "content-type": "application/json" };
  const sent = { ...type, ...(token && { authorization: "Bearer " + token }), ...headers };
  let answer;
  try {
    answer = await fetch(base + path, { method, body: json && JSON.stringify(json), credentials, headers: sent });
  } catch (error) {
    return { threw: error.name };
  }
  const bytes = await answer.arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return {
    status: answer.status,
    type: answer.type,
    headers: Object.fromEntries(answer.headers),
    text: new TextDecoder().decode(bytes),
    digest: [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
}`;

withBrowser("CORS in a browser", (browser) => {
  const allowed = startSite("localhost");
  const other = startSite("localhost");
  const allowedOrigin = `http://localhost:${allowed.port}`;
  const archive = makePackage({ name: "crossing", version: "1.0.0", tags: ["demo"] });
  let registry: TestRegistry;
  let token: string;

  beforeAll(async () => {
    registry = await startRegistry("sqlite", { env: { CORS_ORIGINS: allowedOrigin } });
    const alice = await newAccount(registry);
    token = alice.token ?? "";
    const key = makeKey();
    for (const version of ["1.0.0", "1.1.0"]) {
      const bytes = version === "1.0.0" ? archive : makePackage({ name: "crossing", version });
      await alice.publish("crossing", version, bytes, key);
    }
    await alice.publish("second", "1.0.0", makePackage({ name: "second", version: "1.0.0" }), key);
  });
  afterAll(async () => {
    await Promise.all([allowed.stop(true), other.stop(true)]);
    await registry.stop();
  });

  async function onSite(url: string, work: (ask: (asked: Asked) => Promise<Seen>, page: Page) => Promise<void>) {
    const context = await browser().newContext();
    try {
      const page = await context.newPage();
      await page.goto(url);
      await work((asked) => page.evaluate<Seen>(`(${ASK})(${JSON.stringify({ base: registry.url, ...asked })})`), page);
    } finally {
      await context.close();
    }
  }

  const bodyOf = ({ text = "" }: Seen): Json => JSON.parse(text);
  const download = "/api/packages/crossing/1.0.0/download";

  test("the allowed origin registers, logs in, reads its account and logs out", async () => {
    await onSite(allowedOrigin, async (ask) => {
      const form = { username: "from-a-page", email: "page@example.org", password: PASSWORD };
      const registered = await ask({ path: "/api/auth/register", method: "POST", json: form });
      expect([registered.status, registered.type, bodyOf(registered).user.username]).toEqual([
        201,
        "cors",
        form.username,
      ]);
      const login = await ask({ path: "/api/auth/login", method: "POST", json: form });
      expect(login.status).toBe(200);
      const session = { token: bodyOf(login).token };
      const me = await ask({ path: "/api/auth/me", ...session });
      expect([me.status, bodyOf(me).user.username]).toEqual([200, form.username]);
      expect((await ask({ path: "/api/auth/logout", method: "POST", ...session })).status).toBe(204);
      expect((await ask({ path: "/api/auth/me", ...session })).status).toBe(401);
    });
  });

  test("the allowed origin lists, reads and downloads, and reads the headers it needs", async () => {
    await onSite(allowedOrigin, async (ask) => {
      const list = await ask({ path: "/api/packages?pageSize=1", token });
      expect([list.status, bodyOf(list).total]).toEqual([200, 2]);
      expect(list.headers?.link).toContain('rel="next"');
      expect(list.headers?.etag).toBeString();
      expect(list.headers?.["x-request-id"]).toBeString();
      expect(bodyOf(await ask({ path: "/api/packages/crossing" })).versions).toHaveLength(2);

      const whole = await ask({ path: download });
      expect([whole.status, whole.digest]).toEqual([200, sha256(archive)]);
      expect(whole.headers).toMatchObject({
        etag: `"${sha256(archive)}"`,
        "x-checksum-sha256": sha256(archive),
        "content-disposition": 'attachment; filename="crossing-1.0.0.cpm"',
        "accept-ranges": "bytes",
      });
      const part = await ask({ path: download, headers: { range: "bytes=0-9" } });
      expect([part.status, part.headers?.["content-range"]]).toEqual([206, `bytes 0-9/${archive.length}`]);
    });
  });

  test("the allowed origin yanks and unyanks: DELETE and POST pass the preflight", async () => {
    await onSite(allowedOrigin, async (ask) => {
      const path = "/api/packages/second/1.0.0";
      const yanked = await ask({ path, method: "DELETE", token, json: { reason: "other" } });
      expect([yanked.status, bodyOf(yanked).yanked]).toEqual([200, true]);
      const back = await ask({ path, method: "POST", token });
      expect([back.status, bodyOf(back).yanked]).toEqual([200, false]);
    });
  });

  test("the allowed origin reads errors as problems", async () => {
    await onSite(allowedOrigin, async (ask) => {
      const cases: (readonly [Asked, number, string])[] = [
        [{ path: "/api/auth/me" }, 401, "unauthenticated"],
        [{ path: "/api/auth/me", token: "forged" }, 401, "unauthenticated"],
        [{ path: "/api/packages/nothing" }, 404, "package_not_found"],
        [{ path: "/nowhere" }, 404, "route_not_found"],
        [{ path: "/api/packages", method: "PUT" }, 405, "method_not_allowed"],
        [{ path: "/api/packages?page=0" }, 422, "validation_failed"],
      ];
      for (const [asked, status, code] of cases) {
        const seen = await ask(asked);
        expect([asked.path, seen.status, bodyOf(seen).code]).toEqual([asked.path, status, code]);
        expect(seen.headers?.["content-type"]).toBe("application/problem+json");
        expect(seen.headers?.["x-request-id"]).toBe(bodyOf(seen).requestId);
      }
    });
  });

  const everything: readonly Asked[] = [
    { path: "/api/auth/register", method: "POST", json: FORM },
    // Plain text needs no preflight, so this request reaches the server.
    { path: "/api/auth/register", method: "POST", json: FORM, headers: { "content-type": "text/plain" } },
    { path: "/api/auth/login", method: "POST", json: { username: "from-a-page", password: PASSWORD } },
    { path: "/api/auth/me" },
    { path: "/api/packages" },
    { path: "/api/packages/crossing" },
    { path: "/api/packages/nothing" },
    { path: download },
    { path: "/health" },
    { path: "/swagger/json" },
  ];

  test("no other origin reads a response: another port, another host name or a null origin", async () => {
    const byAddress = startSite("127.0.0.1");
    try {
      const sites = [`http://localhost:${other.port}`, `http://127.0.0.1:${byAddress.port}`, "data:text/html,a page"];
      for (const site of sites) {
        await onSite(site, async (ask) => {
          for (const asked of everything) {
            for (const session of [{}, { token }]) {
              expect([site, asked.path, await ask({ ...asked, ...session })]).toEqual([
                site,
                asked.path,
                { threw: "TypeError" },
              ]);
            }
          }
        });
      }
    } finally {
      await byAddress.stop(true);
    }
  });

  test("a refused request of another origin changed nothing", async () => {
    const guest = new Client(registry.url);
    const login = await guest.post("/api/auth/login", FORM);
    expect([login.status, login.body.code]).toEqual([401, "invalid_credentials"]);
  });

  test("the allowed origin cannot send a header that is not listed", async () => {
    await onSite(allowedOrigin, async (ask) => {
      expect(await ask({ path: "/api/packages", headers: { "x-other": "1" } })).toEqual({ threw: "TypeError" });
    });
  });

  test("the allowed origin cannot send cookies", async () => {
    await onSite(allowedOrigin, async (ask) => {
      expect(await ask({ path: "/api/packages", credentials: "include" })).toEqual({ threw: "TypeError" });
      expect(await ask({ path: "/api/auth/me", token, credentials: "include" })).toEqual({ threw: "TypeError" });
    });
  });
});
