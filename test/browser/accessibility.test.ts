import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { BrowserContext, Page } from "playwright-core";
import { storeResetLink } from "../../src/accounts/account-links.ts";
import { loadUser } from "../../src/accounts/load-user.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";
import { withBrowser } from "./browser.ts";

/* Every page by axe-core in both colour schemes, and by keyboard alone. */

const AXE = readFileSync(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");
/** Dozens of pages, on a machine with other things to do. */
const TIMEOUT_MS = 300_000;
const README =
  "# Title\n\nText with [a link](https://example.org).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n\n```yaml\na: 1\n```\n";

const RESET_TOKEN = "accessible";

/** A violation, and the first element that has it. */
interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Pages to begin with, which are all looked at: with everything, with nothing, and wrong ones. */
const FIRST = [
  ...[
    "/",
    "/nothing-here",
    "/packages/rich",
    "/packages/plain",
    "/packages/plain/1.0.0/inputs",
    "/packages/rich/9.9.9",
  ],
  ...["/search?q=nothing-like-it", "/login", "/register", "/reset", `/reset?token=${RESET_TOKEN}`],
];

/** Pages of one kind have one shape; one of each is enough. */
function shapeOf(path: string): string {
  const [address = "", query] = path.split("?");
  const plain = address
    .replace(/^\/packages\/[^/]+/, "/packages/:name")
    .replace(/\/\d+\.\d+\.\d+[^/]*/g, "/:version")
    .replace(/\/files\/.*\.(\w+)$/, "/files/:$1")
    .replace(/^\/users\/.*/, "/users/:name");
  return query === undefined ? plain : `${plain}?${[...new URLSearchParams(query).keys()].sort()[0]}`;
}

const NO_PAGE =
  /\/(?:raw|images|download|proof|verification|tile|checkpoint|vkey|health|metrics|swagger|api)(?:\/|\?|$)/;

withBrowser("accessibility", (browser) => {
  let registry: TestRegistry;
  let owner: Client;

  beforeAll(async () => {
    registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off" } });
    owner = await newAdmin(registry);
    const key = makeKey();
    const tags = ["web", "queue"];
    const dependencies = [
      { name: "plain", version: ">=1.0.0" },
      { name: "absent", version: "*" },
    ];
    for (const version of ["1.0.0", "1.1.0"]) {
      const archive = makePackage({ name: "rich", version, readme: README, tags, dependencies });
      expect((await owner.publish("rich", version, archive, key)).status).toBe(201);
    }
    expect(
      (await owner.publish("plain", "1.0.0", makePackage({ name: "plain", version: "1.0.0", readme: "" }), key)).status,
    ).toBe(201);
    await owner.send("DELETE", "/api/packages/rich/1.0.0", { reason: "broken", message: "It fails" });
    await owner.send("PUT", "/api/packages/plain/status", {
      status: "deprecated",
      message: "Use rich",
      replacement: "rich",
    });
    // Its address is not allowed, so nothing is sent.
    const { id } = (await owner.post("/api/webhooks", { url: "https://localhost/hook" })).body;
    expect((await owner.post(`/api/webhooks/${id}/test`)).body.outcome).toBe("refused");
    const invited = await newAccount(registry);
    const link = { token: RESET_TOKEN, expiresAt: new Date(Date.now() + TIMEOUT_MS) };
    await registry.deps.db.write(async (session) => {
      const { id } = await loadUser(session, invited.username ?? "");
      await storeResetLink(session, id, link, new Date());
    });
    await owner.send("PUT", `/api/packages/rich/owners/${invited.username}`);
  });
  afterAll(async () => registry.stop());

  /** Opens one page of every shape that links lead to, and calls `look` on each. */
  async function eachPage(page: Page, look: (path: string) => Promise<void>): Promise<number> {
    const shapes = new Set<string>();
    const seen = new Set<string>(FIRST);
    const waiting = [...FIRST];
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      if ((!FIRST.includes(path) && shapes.has(shapeOf(path))) || NO_PAGE.test(path)) continue;
      shapes.add(shapeOf(path));
      await page.goto(registry.url + path);
      const links: string[] = await page.evaluate("[...document.querySelectorAll('a[href]')].map((link) => link.href)");
      await look(path);
      for (const link of links.filter((one) => one.startsWith(registry.url))) {
        const next = link.slice(registry.url.length).replace(/#.*/, "");
        if (!seen.has(next)) waiting.push(next);
        seen.add(next);
      }
    }
    return shapes.size;
  }

  /** Colours are all that changes in the dark scheme. */
  async function violationsOf(page: Page, path: string): Promise<string[]> {
    await page.evaluate(AXE);
    const found: string[] = [];
    for (const [colorScheme, options] of [
      ["light", "{}"],
      ["dark", "{ runOnly: ['color-contrast', 'link-in-text-block'] }"],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations }: { violations: Violation[] } = await page.evaluate(`axe.run(${options})`);
      found.push(...violations.map(({ id, nodes }) => `${path}, ${colorScheme}: ${id}: ${nodes[0]?.html}`));
    }
    return found;
  }

  async function signIn(context: BrowserContext): Promise<void> {
    const page = await context.newPage();
    await page.goto(`${registry.url}/login`);
    await page.fill("[name=username]", owner.username);
    await page.fill("[name=password]", PASSWORD);
    await page.click("main button[type=submit]");
    await page.close();
  }

  test.each(["guest", "administrator"])(
    "axe-core finds nothing on any page that a %s sees, in either scheme",
    async (who) => {
      const context = await browser().newContext();
      if (who !== "guest") await signIn(context);
      const page = await context.newPage();
      const found: string[] = [];
      const shapes = await eachPage(page, async (path) => void found.push(...(await violationsOf(page, path))));
      await context.close();
      expect(found).toEqual([]);
      expect(shapes).toBeGreaterThan(15);
    },
    TIMEOUT_MS,
  );

  test(
    "the Tab key alone reaches every link, field and button of every page, each with a visible outline",
    async () => {
      const context = await browser().newContext();
      await signIn(context);
      const page = await context.newPage();
      await eachPage(page, async (path) => {
        const unreached: string[] = await page.evaluate(WANTED);
        for (let presses = unreached.length + 20; presses > 0; presses -= 1) {
          await page.keyboard.press("Tab");
          await page.evaluate(REACHED);
        }
        expect([path, await page.evaluate(UNREACHED)]).toEqual([path, []]);
      });
      await context.close();
    },
    TIMEOUT_MS,
  );
});

/** Remembers what must be reached: everything but line numbers and the like, with no tab stop. Tab reaches one radio button of a group. */
const WANTED =
  `globalThis.wanted = [...document.querySelectorAll("a[href], input:not([type=hidden], [type=radio]), button, select, textarea, summary")]
  .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0)`.concat(
    ";\nwanted.map((one) => one.outerHTML)",
  );
/** Takes the focused element from the list if its focus can be seen. */
const REACHED = `(() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  if (outlineStyle !== "none" && outlineWidth !== "0px") wanted = wanted.filter((one) => one !== document.activeElement);
})()`;
const UNREACHED = "wanted.map((one) => one.outerHTML)";
