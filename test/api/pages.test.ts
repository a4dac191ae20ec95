import { expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases, startRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const HTML = { accept: "text/html" };

/** The cookie that a response gave, as a browser sends it back. */
const cookieOf = (headers: Headers) => (headers.get("set-cookie") ?? "").split(";")[0] ?? "";

async function signIn(url: string, username: string) {
  const body = new URLSearchParams({ username, password: PASSWORD });
  const response = await fetch(`${url}/login`, { method: "POST", body, redirect: "manual" });
  expect(response.status).toBe(303);
  return cookieOf(response.headers);
}

onBothDatabases("pages", (registry) => {
  test("a package page has its README, its links are relative, and its policy allows only our own files", async () => {
    const owner = await newAccount(registry());
    const archive = makePackage({ name: "page-readme", version: "1.0.0", readme: "# <b>Hello</b>" });
    expect((await owner.publish("page-readme", "1.0.0", archive, makeKey())).status).toBe(201);
    const answer = await new Client(registry().url).get("/packages/page-readme/1.0.0", HTML);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain("&lt;b&gt;Hello");
    expect(answer.text).not.toMatch(/(?:href|src|action)="\//);
    expect(answer.headers.get("content-security-policy")).toContain("require-trusted-types-for 'script'");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
  });

  test("a guest gets a package page from the cache, and a visitor never gets that of a guest", async () => {
    const owner = await newAccount(registry());
    const archive = makePackage({ name: "page-cached", version: "1.0.0" });
    await owner.publish("page-cached", "1.0.0", archive, makeKey());
    const guest = new Client(registry().url);
    const asGuest = (await guest.get("/packages/page-cached", HTML)).text;
    // An invalidation meanwhile, such as of counted downloads, keeps an answer out of the cache.
    await waitUntil(async () => {
      await guest.get("/packages/page-cached", HTML);
      return registry().deps.responseCache?.cachedBody("/packages/page-cached") !== undefined;
    }, "the page is cached");
    const cookie = await signIn(registry().url, owner.username);
    const asOwner = await guest.get("/packages/page-cached", { ...HTML, cookie });
    expect(asOwner.text).toContain(`>${owner.username}</a>`);
    expect(asOwner.headers.get("cache-control")).toBe("private, no-cache");
    expect(asGuest).toContain("Sign in");
    expect((await guest.get("/packages/page-cached", HTML)).text).toBe(asGuest);
  });

  test("a cached page changes with its package", async () => {
    const owner = await newAccount(registry());
    const key = makeKey();
    await owner.publish("page-fresh", "1.0.0", makePackage({ name: "page-fresh", version: "1.0.0" }), key);
    const guest = new Client(registry().url);
    expect((await guest.get("/packages/page-fresh", HTML)).text).toContain("1.0.0");
    await owner.publish("page-fresh", "1.1.0", makePackage({ name: "page-fresh", version: "1.1.0" }), key);
    expect((await guest.get("/packages/page-fresh", HTML)).text).toContain("1.1.0");
  });

  test("a browser gets errors as pages, and a program gets problems from the same address", async () => {
    const guest = new Client(registry().url);
    const page = await guest.get("/packages/nothing-here", HTML);
    expect([page.status, page.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
    const problem = await guest.get("/packages/nothing-here");
    expect([problem.status, problem.body.code]).toEqual([404, "package_not_found"]);
    expect((await guest.get("/api/packages/nothing-here", HTML)).body.code).toBe("package_not_found");
  });

  test("the session cookie is for pages only: the API does not know it", async () => {
    const owner = await newAccount(registry());
    const cookie = await signIn(registry().url, owner.username);
    const answer = await new Client(registry().url).get("/api/auth/me", { cookie });
    expect([answer.status, answer.body.code]).toEqual([401, "unauthenticated"]);
  });

  test("a form of another site, and one without the token of the session, change nothing", async () => {
    const owner = await newAccount(registry());
    const { url } = registry();
    const cookie = await signIn(url, owner.username);
    const headers = { cookie, "content-type": "application/x-www-form-urlencoded", ...HTML };
    const send = (more: Record<string, string>, body: string) =>
      new Client(url).post("/logout", new TextEncoder().encode(body), { ...headers, ...more });
    expect((await send({ origin: "https://evil.example" }, "")).status).toBe(403);
    expect((await send({ "sec-fetch-site": "cross-site" }, "")).status).toBe(403);
    expect((await send({ origin: url }, "form-token=guessed")).status).toBe(403);
    const page = await new Client(url).get("/", { cookie });
    expect(page.text).toContain(owner.username);
  });

  test("a wrong password shows the form again, without the password, and gives no cookie", async () => {
    const body = new URLSearchParams({ username: "nobody", password: "wrong-password-here" });
    const response = await fetch(`${registry().url}/login`, { method: "POST", body, redirect: "manual" });
    expect([response.status, response.headers.get("set-cookie")]).toEqual([401, null]);
    const text = await response.text();
    expect(text).toContain('value="nobody"');
    expect(text).not.toContain("wrong-password-here");
  });

  test.each([
    ["packages/x?a=b", "./packages/x?a=b"],
    ["https://evil.example", "./"],
    ["//evil.example", "./"],
    ["packages//evil.example", "./"],
    ["..//evil", "./"],
    ["javascript:alert(1)", "./"],
  ])("after the sign-in, next=%s leads to %s", async (next, location) => {
    const owner = await newAccount(registry());
    const body = new URLSearchParams({ username: owner.username, password: PASSWORD, next });
    const response = await fetch(`${registry().url}/login`, { method: "POST", body, redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([303, location]);
  });
});

test("a private registry shows a guest the sign-in, wherever they look", async () => {
  const registry = await startRegistry("sqlite", { env: { READ_ACCESS: "authenticated" } });
  try {
    const guest = new Client(registry.url);
    for (const path of ["/", "/packages/some", "/packages/some/1.0.0"]) {
      const answer = await guest.get(path, HTML);
      expect([path, answer.status]).toEqual([path, 303]);
      expect(answer.headers.get("location")).toMatch(/^(\.\.?\/)+login/);
    }
    const login = await guest.get("/login", HTML);
    expect([login.status, login.text.includes('type="search"')]).toEqual([200, false]);
  } finally {
    await registry.stop();
  }
});
