import { afterAll, beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, PASSWORD } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";
import { withBrowser } from "./browser.ts";

/* Pages on a screen as narrow as that of a phone. */

const NAME = "a-package-with-a-long-name-that-has-many-hyphens";

/** Words of commands that are shorter than their line and broken all the same. */
const BROKEN_WORDS = `[...document.querySelectorAll(".word")].filter((word) => {
  const { lineHeight, fontSize } = getComputedStyle(word);
  const isBroken = word.getClientRects().length > 1 || word.offsetHeight > 1.5 * parseFloat(lineHeight);
  return isBroken && word.textContent.length * 0.7 * parseFloat(fontSize) < word.closest("code").clientWidth;
}).map((word) => word.textContent)`;

withBrowser("on a phone", (browser) => {
  let registry: TestRegistry;
  let username: string;

  beforeAll(async () => {
    registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off" } });
    const admin = await newAdmin(registry);
    ({ username } = admin);
    const archive = makePackage({ name: NAME, version: "1.0.0" });
    expect((await admin.publish(NAME, "1.0.0", archive, makeKey())).status).toBe(201);
    await admin.send("PUT", `/api/packages/${NAME}/quarantine`, { reason: "x".repeat(300), category: "policy" });
    await admin.send("DELETE", `/api/packages/${NAME}/quarantine`);
  });
  afterAll(() => registry.stop());

  test("no page is wider than the screen, and commands break between their words alone", async () => {
    const context = await browser().newContext({ viewport: { width: 360, height: 640 } });
    const page = await context.newPage();
    await page.goto(`${registry.url}/login`);
    await page.fill("[name=username]", username);
    await page.fill("[name=password]", PASSWORD);
    await page.click("main button[type=submit]");
    const ofPackage = ["", "/1.0.0/trust", "/1.0.0/versions", "/settings"].map((tab) => `/packages/${NAME}${tab}`);
    const others = ["/", "/help", "/log", "/account", "/account/tokens", "/account/keys", "/admin/invitations"];
    for (const path of [...ofPackage, ...others, "/admin/events", "/admin/quarantine"]) {
      await page.goto(registry.url + path);
      await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
      const tooWide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      expect([path, tooWide, await page.evaluate(BROKEN_WORDS)]).toEqual([path, 0, []]);
    }
    await context.close();
  });
});
