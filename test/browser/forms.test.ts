import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, PASSWORD } from "../support/client.ts";
import { register } from "../support/key-statements.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";
import { withBrowser } from "./browser.ts";

withBrowser("forms in a browser", (browser) => {
  let registry: TestRegistry;

  beforeAll(async () => {
    registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off" } });
  });
  afterAll(() => registry.stop());

  /** Runs `work` in a new browser, and fails if the policy of a page stopped anything. */
  async function inBrowser(
    javaScriptEnabled: boolean,
    work: (page: Page) => Promise<void>,
    expected?: RegExp,
  ): Promise<void> {
    const context = await browser().newContext({ javaScriptEnabled });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !expected?.test(message.text())) errors.push(message.text());
    });
    page.on("pageerror", (error) => errors.push(error.message));
    try {
      await work(page);
      expect(errors).toEqual([]);
    } finally {
      await context.close();
    }
  }

  const press = (page: Page, name: string) => page.getByRole("button", { name }).click();
  const banner = (page: Page) => page.locator(".banner").first().innerText();

  async function publish(username: string, name: string): Promise<void> {
    const guest = new Client(registry.url);
    const { body } = await guest.post("/api/auth/login", { username, password: PASSWORD });
    const owner = new Client(registry.url, body.token, username);
    const key = makeKey();
    await register(owner, key);
    const archive = makePackage({ name, version: "1.0.0" });
    expect((await owner.publish(name, "1.0.0", archive, key)).status).toBe(201);
  }

  async function makeAccount(page: Page, username: string): Promise<void> {
    await page.goto(`${registry.url}/login`);
    await page.getByRole("link", { name: "Make an account" }).click();
    await page.getByLabel("User name").fill(username);
    await page.getByLabel("E-mail address").fill(`${username}@example.org`);
    await page.getByLabel("Password").fill(PASSWORD);
    await press(page, "Make the account");
    expect(await banner(page)).toContain("Your account is made");
    await press(page, "Sign out");
    expect(await banner(page)).toBe("You are signed out.");
    await page.getByLabel("User name or e-mail address").fill(`${username}@example.org`);
    await page.getByLabel("Password").fill(PASSWORD);
    await press(page, "Sign in");
  }

  async function makeToken(page: Page, username: string): Promise<void> {
    await page.getByRole("link", { name: username, exact: true }).click();
    await page.getByRole("link", { name: "API tokens" }).click();
    await page.getByLabel("What it is for").fill("a journey");
    await press(page, "Make the token");
    const token = await page.locator(".command.plain code").innerText();
    const { status } = await new Client(registry.url, token).get("/api/auth/me");
    expect(status).toBe(200);
    await page.getByRole("link", { name: "All tokens" }).click();
    await page.getByText("Revoke…").click();
    await page.getByLabel(/refused at once/).check();
    await press(page, "Revoke the token");
    expect(await banner(page)).toContain("The token “a journey” is revoked");
    expect((await new Client(registry.url, token).get("/api/auth/me")).status).toBe(401);
  }

  async function yankAndUndo(page: Page, name: string): Promise<void> {
    await page.getByRole("link", { name: "Packages", exact: true }).click();
    await page.getByRole("link", { name: `Settings of ${name}` }).click();
    await page.getByRole("link", { name: "Yank… 1.0.0" }).click();
    await page.getByLabel("Reason").selectOption("broken");
    await page.getByLabel("In words").fill("It loses requests");
    await press(page, `Yank ${name} 1.0.0`);
    expect(await banner(page)).toContain(`${name} 1.0.0 is yanked`);
    await page.getByRole("link", { name: "1.0.0", exact: true }).click();
    expect(await banner(page)).toMatch(/^Yanked.*It loses requests/s);
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByRole("link", { name: "Undo or change… 1.0.0" }).click();
    await press(page, "Undo the yank");
    expect(await banner(page)).toContain("taken back");
    await page.getByRole("link", { name: "1.0.0", exact: true }).click();
    expect(await page.locator(".banner").count()).toBe(0);
  }

  /** Waits until the place that says what became of a form says this, and is on the screen. */
  async function resultIsSeen(page: Page, text: string): Promise<void> {
    const result = page.locator("#result", { hasText: text });
    await result.waitFor();
    const isOnScreen = () =>
      result.evaluate((one) => {
        const { top, bottom } = one.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      });
    await waitUntil(isOnScreen, `the screen shows "${text}"`);
  }

  test("a browser without JavaScript goes to the form that was refused, and to the notice of one that was not", async () => {
    await inBrowser(
      false,
      async (page) => {
        await page.setViewportSize({ width: 360, height: 640 });
        await makeAccount(page, "long-page");
        await publish("long-page", "long-page");
        await page.goto(`${registry.url}/packages/long-page/settings`);
        await page.getByLabel("Invite an account").fill("nobody-here");
        await press(page, "Invite");
        await resultIsSeen(page, "Correct what is marked");
        expect(await page.locator("form:has(#result) #invited").count()).toBe(1);
        expect(await page.locator("#invited-fault").innerText()).toContain("no account nobody-here");
        await page.getByLabel("Status of").selectOption("archived");
        await press(page, "Save the status");
        await resultIsSeen(page, "is archived");
      },
      /404/,
    );
  });

  for (const javaScript of [false, true]) {
    const how = javaScript ? "with" : "without";
    test(`an owner registers, makes a token, yanks with a reason and undoes it ${how} JavaScript`, async () => {
      const [username, name] = [`journey-${how}`, `journey-${how}`];
      await inBrowser(javaScript, async (page) => {
        await makeAccount(page, username);
        await publish(username, name);
        await makeToken(page, username);
        await yankAndUndo(page, name);
        await press(page, "Sign out");
        await page.goto(`${registry.url}/packages/${name}/settings`);
        expect(page.url()).toContain("/login?next=");
        await page.goBack();
        expect(await page.content()).not.toContain(`${username}@example.org`);
      });
    });
  }
});
