import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page, Request } from "playwright-core";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { HOSTILE_MARKDOWN } from "../web/hostile-markdown.ts";
import { withBrowser } from "./browser.ts";

/* READMEs by strangers in a real browser: what shows, and that nothing else happens. */

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const DRAWING = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="20" onload="alert(1)">
<script>alert(1); fetch("https://evil.example/s")</script><image href="https://evil.example/i.png" width="9" height="9"/>
<style>@import "https://evil.example/x.css";</style><rect width="40" height="20" fill="red"/></svg>`;

withBrowser("READMEs in a browser", (browser) => {
  let registry: TestRegistry;
  let page: Page;
  /** Dialogs, errors, complaints of the policy, and requests to anybody else. */
  let events: string[] = [];

  beforeAll(async () => {
    registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off" } });
    const owner = await newAccount(registry);
    const key = makeKey();
    const publish = async (name: string, readme: string, files: Record<string, string | Uint8Array> = {}) =>
      expect(
        (await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0", readme, files }), key)).status,
      ).toBe(201);
    await publish("hostile", HOSTILE_MARKDOWN.map((text) => `${text}\n\n`).join("\n"), { "docs/evil.svg": DRAWING });
    await publish("hostile-file", "# x", {
      "docs/all.md": HOSTILE_MARKDOWN.join("\n\n"),
      "docs/x' onerror='alert(1)' &lt;b.yaml": "<script>alert(1)</script>: 1\n",
    });
    await publish("friendly", "# Hello\n\n![drawing](docs/a.svg) ![photo](docs/a.png)\n\n## Usage\n\n[down](#usage)", {
      "docs/a.svg": DRAWING,
      "docs/a.png": PNG,
    });
    page = await (await browser().newContext()).newPage();
    page.on("dialog", async (dialog) => {
      events.push(`dialog ${dialog.message()}`);
      await dialog.dismiss();
    });
    page.on("console", (message) => events.push(`console ${message.text()}`));
    const isForeign = (request: Request) => !request.url().startsWith(registry.url);
    page.on("requestfinished", (request) => isForeign(request) && events.push(`request ${request.url()}`));
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText;
      // What the policy blocked never left the browser. On a page of ours it is a complaint, too.
      if (isForeign(request) && why !== "csp") events.push(`request ${request.url()} ${why}`);
    });
  });
  afterAll(async () => {
    await page.close();
    await registry.stop();
  });

  const eventsAt = async (path: string) => {
    events = [];
    await page.goto(`${registry.url}${path}`, { waitUntil: "load" });
    return events.filter((event) => !/Failed to load resource.*40[34]/.test(event));
  };

  test("no README runs a script, asks another server for anything or breaks the page", async () => {
    expect(await eventsAt("/packages/hostile/1.0.0")).toEqual([]);
    expect(await page.locator("h1").count()).toBe(1);
    expect(await page.locator("footer").count()).toBe(1);
    expect(await page.locator("#main").count()).toBe(1);
    expect(
      await page.evaluate(
        () => document.querySelectorAll("main script, main style, main iframe, main form, main svg").length,
      ),
    ).toBe(0);
  });

  test("a text of a package below docs/ and a file with a hostile name are as harmless", async () => {
    expect(await eventsAt("/packages/hostile-file/1.0.0/files/docs/all.md")).toEqual([]);
    expect(await eventsAt("/packages/hostile-file/1.0.0/files/docs/all.md?view=source")).toEqual([]);
    expect(await eventsAt("/packages/hostile-file/1.0.0/files")).toEqual([]);
    expect(
      await eventsAt(
        `/packages/hostile-file/1.0.0/files/docs/${encodeURIComponent("x' onerror='alert(1)' &lt;b.yaml")}`,
      ),
    ).toEqual([]);
    expect(await page.locator(".code .line").first().innerText()).toContain("<script>alert(1)</script>: 1");
  });

  test("images of the package show, and a drawing runs nothing, even when it is opened by itself", async () => {
    expect(await eventsAt("/packages/friendly/1.0.0")).toEqual([]);
    const widths = page
      .locator(".readme img")
      .evaluateAll((images) => images.map((image) => Reflect.get(image, "naturalWidth")));
    expect(await widths).toEqual([40, 1]);
    for (const kind of ["images", "raw"]) {
      const opened = await eventsAt(`/packages/friendly/1.0.0/${kind}/docs/a.svg`);
      expect(opened.filter((event) => !/Content Security Policy|sandbox/i.test(event))).toEqual([]);
    }
  });

  test("a link to a heading of a README goes there", async () => {
    await page.goto(`${registry.url}/packages/friendly/1.0.0`);
    await page.click('a:text-is("down")');
    expect(await page.locator(":target").innerText()).toBe("Usage");
  });
});
