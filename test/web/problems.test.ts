import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setReadOnly } from "../../src/log/read-only.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, overriding, startRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const HTML = { accept: "text/html" };

/** What a page says besides its links and head. */
const textOf = (html: string) =>
  html
    .replace(/<head>.*<\/head>/s, "")
    .replaceAll(/<[^>]+>/g, " ")
    .replaceAll(/\s+/g, " ");

onBothDatabases("pages of errors and states", (registry) => {
  const see = (path: string) => new Client(registry().url).get(path, HTML);

  test("an unknown package suggests names that resemble it, and has one search box with the name", async () => {
    const owner = await newAccount(registry());
    await owner.publish("problem-web", "1.0.0", makePackage({ name: "problem-web", version: "1.0.0" }), makeKey());
    const { status, text } = await see("/packages/problme-web");
    expect(status).toBe(404);
    expect(text).toContain('<a href="../packages/problem-web">problem-web</a>');
    expect(text).toContain('value="problme-web"');
    expect(text.match(/type="search"/g)).toHaveLength(1);
    expect(text).not.toContain("/api/");
  });

  test.each(["/nothing", "/packages/x/y/z/w", "/users/%00", "/a//b", "/packages/%ff", "/%3Cscript%3E"])(
    "%s is a page that says how to go on",
    async (path) => {
      const { status, text, headers } = await see(path);
      expect([path, status]).toEqual([path, 404]);
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(text).not.toContain("<script>");
      expect(text).toContain('name="robots" content="noindex"');
    },
  );

  test("an address with a slash at its end leads to the one without, with its query", async () => {
    for (const [path, location] of [
      ["/packages/x/", "../../packages/x"],
      ["/search/?q=a", "../search?q=a"],
      ["/log/", "../log"],
    ] as const) {
      const answer = await see(path);
      expect([path, answer.status, answer.headers.get("location")]).toEqual([path, 308, location]);
    }
  });

  test("HEAD of a page has its headers and no body, and another method is refused with a page", async () => {
    const client = new Client(registry().url);
    const head = await client.send("HEAD", "/help", undefined, HTML);
    expect([head.status, head.text, head.headers.get("content-type")]).toEqual([200, "", "text/html; charset=utf-8"]);
    const put = await client.send("PUT", "/help", undefined, HTML);
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test("the icon and robots.txt are where browsers and search engines ask for them", async () => {
    const icon = await see("/favicon.ico");
    expect([icon.status, icon.headers.get("content-type")]).toEqual([200, "image/svg+xml"]);
    const robots = await see("/robots.txt");
    expect(robots.text).toContain("User-agent: *\nDisallow: /api/\n");
  });

  test("every page says that the registry is read-only as soon as it is, and until it ends, cached ones too", async () => {
    const owner = await newAccount(registry());
    await owner.publish("problem-mode", "1.0.0", makePackage({ name: "problem-mode", version: "1.0.0" }), makeKey());
    const says = async (path: string) => (await see(path)).text.includes("moving to another machine");
    const pages = ["/", "/packages/problem-mode", "/login", "/nothing"];
    for (const path of pages) expect(await says(path)).toBe(false);
    await setReadOnly(registry().deps, "moving to another machine");
    for (const path of pages) await waitUntil(() => says(path), `${path} says it`);
    await setReadOnly(registry().deps, undefined);
    for (const path of pages) await waitUntil(async () => !(await says(path)), `${path} no longer says it`);
  });
});

test("when the database fails, a page has a status, a way to try again and the number of the request", async () => {
  const registry = await startRegistry("sqlite", {
    override: ({ db }) => ({
      db: overriding(db, {
        read: () => {
          throw new TypeError("secret of the driver");
        },
      }),
    }),
  });
  try {
    const { status, text, headers } = await new Client(registry.url).get("/search?q=a", HTML);
    expect(status).toBe(500);
    expect(text).toContain('<a href="./search?q=a">Try again</a>');
    expect(text).toContain(headers.get("x-request-id") ?? "?");
    expect(text).not.toContain("secret");
    expect(textOf(text)).toContain("the number of the request");
  } finally {
    await registry.stop();
  }
});

test("a private registry forbids search engines everything, and suggests nothing to guests", async () => {
  const registry = await startRegistry("sqlite", { env: { READ_ACCESS: "authenticated" } });
  try {
    const guest = new Client(registry.url);
    expect((await guest.get("/robots.txt")).text).toBe("User-agent: *\nDisallow: /\n");
    for (const path of ["/", "/search?q=a", "/users/a", "/log", "/help", "/packages"]) {
      const { status, headers } = await guest.get(path, HTML);
      expect([path, [303, 308].includes(status), headers.get("location")?.startsWith(".")]).toEqual([path, true, true]);
    }
    const login = await guest.get("/login?next=log", HTML);
    expect([login.status, login.text.includes("noindex")]).toEqual([200, true]);
  } finally {
    await registry.stop();
  }
});

test("no advice that a page can show names a route of the API", () => {
  const source = ["problem.ts", "package-problems.ts"]
    .map((file) => readFileSync(join(import.meta.dir, "../../src/http", file), "utf8"))
    .join("\n");
  const problems = source.split(/^ {2}(?=[a-z_]+: problem\()/m).slice(1);
  const named = problems.filter((text) => /(?:GET|POST|PUT|DELETE) \/|\/swagger|\/health|allowSecrets/.test(text));
  const codes = named.map((text) => text.split(":", 1)[0] ?? "");
  expect(codes.length).toBeGreaterThan(5);
  const words = readFileSync(join(import.meta.dir, "../../src/web/page-problem.ts"), "utf8");
  // Publishing and tiles are for programs only.
  const forPrograms = ["tile_not_found", "secrets_found"];
  const missing = codes.filter((code) => !words.includes(`case "${code}"`) && !forPrograms.includes(code));
  expect(missing).toEqual([]);
});
