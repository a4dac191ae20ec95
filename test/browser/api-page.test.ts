import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { type ApiDescription, operationsOf } from "../api/api-description.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, PASSWORD, signMessage, statementOf } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { withBrowser } from "./browser.ts";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };

withBrowser("the API page", (browser) => {
  let registry: TestRegistry;
  let username: string;

  beforeAll(async () => {
    registry = await startRegistry("sqlite");
    const alice = await newAccount(registry);
    username = alice.username;
    const archive = makePackage({ name: "shown", version: "1.0.0" });
    await alice.publish("shown", "1.0.0", archive, makeKey());
  });
  afterAll(() => registry.stop());

  /**
   * Opens the page, and afterwards fails if it asked another server for anything or wrote an error.
   */
  async function onPage(
    viewport: typeof PHONE,
    work: (page: Page) => Promise<void>,
    { path = "/swagger", isOpened = true, colorScheme = "light" as "light" | "dark" } = {},
  ): Promise<void> {
    const context = await browser().newContext({ viewport, colorScheme });
    const elsewhere: string[] = [];
    const errors: string[] = [];
    const page = await context.newPage();
    page.on("request", (request) => {
      if (!/^(?:data|blob):/.test(request.url()) && new URL(request.url()).origin !== registry.url) {
        elsewhere.push(request.url());
      }
    });
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
    });
    page.on("pageerror", (error) => errors.push(error.message));
    try {
      await page.goto(registry.url + path);
      await page.locator(".opblock-tag").first().waitFor();
      if (isOpened) await openAll(page);
      await work(page);
      expect([elsewhere, errors]).toEqual([[], []]);
    } finally {
      await context.close();
    }
  }

  /** Opens every group of operations. */
  async function openAll(page: Page): Promise<void> {
    for (const group of await page.locator(".opblock-tag").all()) await group.click();
    await page.locator(".opblock").first().waitFor();
  }

  async function authorize(page: Page, token: string): Promise<void> {
    await page.locator(".auth-wrapper .authorize").first().click();
    await page.locator(".modal-ux input").first().fill(token);
    await screenshot(page, "authorize");
    await page.locator(".modal-ux").getByRole("button", { name: "Apply credentials" }).first().click();
    await page.locator(".modal-ux").getByRole("button", { name: "Close" }).first().click();
  }

  /** For looking at; a directory in SCREENSHOTS keeps them. */
  async function screenshot(page: Page, name: string): Promise<void> {
    const directory = process.env.SCREENSHOTS;
    if (directory !== undefined)
      await page.screenshot({ path: `${directory}/${name}.png`, fullPage: name !== "focus" });
  }

  test("the API page begins with closed groups and a filter, is dark where the system is, and leads back", async () => {
    const work = async (page: Page) => {
      expect(await page.locator(".opblock").count()).toBe(0);
      expect(await page.locator(".opblock-tag").count()).toBeGreaterThan(1);
      await page.locator(".operation-filter-input").fill("/health");
      await page.locator(".opblock-tag").nth(1).waitFor({ state: "detached" });
      expect(await page.locator(".opblock-tag").innerText()).toContain("operations");
      const background = "getComputedStyle(document.body).backgroundColor";
      expect(await page.evaluate<string>(background)).toBe("rgb(28, 32, 34)");
      await screenshot(page, "dark");
      await page.getByRole("link", { name: "Back to the registry" }).click();
      expect(page.url()).toBe(`${registry.url}/`);
    };
    await onPage(DESKTOP, work, { isOpened: false, colorScheme: "dark" });
  });

  test("the API page opens the operation that a link names", async () => {
    const work = async (page: Page) => {
      await page.locator("#operations-packages-listPackages .opblock-body").waitFor();
      expect(await page.locator("#operations-accounts-readAccount").count()).toBe(0);
    };
    await onPage(DESKTOP, work, { path: "/swagger#/packages/listPackages", isOpened: false });
  });

  test("the API page shows every operation, loads only from this server and logs no error", async () => {
    await onPage(DESKTOP, async (page) => {
      const api = (await new Client(registry.url).get("/swagger/json")).body as ApiDescription;
      const ids = operationsOf(api).map(({ operation }) => operation.operationId);
      const shown = await page
        .locator(".opblock")
        .evaluateAll((blocks) => blocks.map(({ id }) => id.split("-").at(-1)));
      expect(shown.sort()).toEqual(ids.sort());
      expect(await page.locator(".opblock-summary-path").first().innerText()).toContain("/api/auth/register");
      expect(await page.title()).toBe("cpm-registry API");
      await screenshot(page, "desktop");
    });
  });

  test("the API page sends Try it out to the server that sent the page", async () => {
    await onPage(DESKTOP, async (page) => {
      const operation = page.locator("#operations-packages-listPackages");
      await operation.locator(".opblock-summary-control").click();
      await operation.getByRole("button", { name: "Try it out" }).click();
      await operation.locator('tr[data-param-name="search"] input').fill("shown");
      await operation.getByRole("button", { name: "Execute" }).click();
      const answer = operation.locator(".live-responses-table .response");
      await answer.waitFor();
      expect(await answer.locator(".response-col_status").innerText()).toContain("200");
      expect(await answer.locator(".response-col_description").innerText()).toContain('"name": "shown"');
      expect(await operation.locator(".request-url").innerText()).toContain(
        `${registry.url}/api/packages?search=shown`,
      );
      await screenshot(page, "try-it-out");
    });
  });

  test("the API page authorizes with a token and then reads the account", async () => {
    const form = { username, password: PASSWORD };
    const { token } = (await new Client(registry.url).post("/api/auth/login", form)).body;
    await onPage(DESKTOP, async (page) => {
      await authorize(page, token);
      const operation = page.locator("#operations-accounts-readAccount");
      await operation.locator(".opblock-summary-control").click();
      await operation.getByRole("button", { name: "Try it out" }).click();
      await operation.getByRole("button", { name: "Execute" }).click();
      const answer = operation.locator(".live-responses-table .response");
      await answer.waitFor();
      expect(await answer.innerText()).toContain(username);
    });
  });

  test("the API page publishes a package from its filled form", async () => {
    const alice = await newAccount(registry);
    const archive = makePackage({ name: "by-hand", version: "1.0.0" });
    const key = makeKey();
    await onPage(DESKTOP, async (page) => {
      await authorize(page, alice.token ?? "");
      const operation = page.locator("#operations-packages-publishVersion");
      await operation.locator(".opblock-summary-control").click();
      await operation.getByRole("button", { name: "Try it out" }).click();
      const file = { name: "by-hand.cpm", mimeType: "application/gzip", buffer: Buffer.from(archive) };
      await operation.locator('input[type="file"]').setInputFiles(file);
      const field = (name: string) => operation.locator(`tr[data-property-name="${name}"] input[type="text"]`);
      await field("signature").fill(signMessage(key, statementOf("by-hand", "1.0.0", archive)));
      await field("publicKey").fill(key.publicHex);
      await operation.getByRole("button", { name: "Execute" }).click();
      const answer = operation.locator(".live-responses-table .response");
      await answer.waitFor();
      await screenshot(page, "publish");
      expect(await answer.innerText()).toContain("by-hand/1.0.0/download");
    });
    expect((await alice.get("/api/packages/by-hand/latest")).body.version).toBe("1.0.0");
  });

  test("the API page works by keyboard: Tab reaches an operation and Enter opens and closes it", async () => {
    await onPage(DESKTOP, async (page) => {
      const focused = () => page.evaluate<string | undefined>('document.activeElement.closest(".opblock")?.id');
      const wanted = "operations-accounts-readAccount";
      for (let presses = 0; presses < 60 && (await focused()) !== wanted; presses += 1)
        await page.keyboard.press("Tab");
      expect(await focused()).toBe(wanted);
      await screenshot(page, "focus");
      const body = page.locator(`#${wanted} .opblock-body`);
      expect(await body.count()).toBe(0);
      await page.keyboard.press("Enter");
      await body.waitFor();
      // The opened body is filled in the next frames.
      await body.getByText("Not authenticated").first().waitFor();
      expect(await body.innerText()).toContain("Not authenticated");
      await page.keyboard.press("Enter");
      await body.waitFor({ state: "detached" });
    });
  });

  test("the API page never scrolls sideways on a phone, also with an open operation", async () => {
    await onPage(PHONE, async (page) => {
      const overflow = () => page.evaluate("document.documentElement.scrollWidth - innerWidth");
      await screenshot(page, "phone");
      expect(await overflow()).toBe(0);
      expect(await page.locator(".opblock-summary-path").last().isVisible()).toBe(true);
      for (const id of ["packages-listPackages", "packages-publishVersion", "packages-downloadArchive"]) {
        await page.locator(`#operations-${id} .opblock-summary-control`).click();
        await page.locator(`#operations-${id} .opblock-body`).waitFor();
        await page.locator(`#operations-${id}`).getByRole("button", { name: "Try it out" }).click();
        if (id === "packages-listPackages") {
          await page.locator(`#operations-${id}`).getByRole("button", { name: "Execute" }).click();
          await page.locator(`#operations-${id} .live-responses-table .response`).waitFor();
        }
        await screenshot(page, `phone-${id}`);
        expect([id, await overflow()]).toEqual([id, 0]);
        await page.locator(`#operations-${id} .opblock-summary-control`).click();
      }
    });
  });

  test("the API page opens under /swagger/ too", async () => {
    await onPage(DESKTOP, async (page) => expect(page.url()).toBe(`${registry.url}/swagger`), {
      path: "/swagger/",
      isOpened: false,
    });
  });
});
