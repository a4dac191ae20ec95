import { expect, test } from "bun:test";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { PASSWORD, User } from "../client/scene.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { withBrowser } from "./browser.ts";

/*
 * The way of an owner and of a reader: an account in the browser, two versions by the client, then
 * find, read, compare, verify, yank with a reason, see the banner, undo. In a private registry too,
 * where every page and every file needs the session.
 */

const USERNAME = "ann";
const LOGIN = ["--username", USERNAME, "--password-stdin"];

async function ran(user: User, args: readonly string[], stdin?: string, cwd?: string): Promise<void> {
  const { code, stderr } = await user.run(args, { ...(stdin === undefined ? {} : { stdin }), ...(cwd && { cwd }) });
  expect([args[0], code, code === 0 ? "" : stderr]).toEqual([args[0], 0, ""]);
}

/** Publishes hello 0.1.0, and 0.2.0 with another value. */
async function publishTwice(user: User, url: string): Promise<void> {
  await ran(user, ["login", url, ...LOGIN], `${PASSWORD}\n`);
  await ran(user, ["key", "generate", "--no-passphrase"]);
  await ran(user, ["init", "hello"]);
  const directory = join(user.directory, "hello");
  await ran(user, ["publish", "--yes"], undefined, directory);
  const manifest = await readFile(join(directory, "colony.yaml"), "utf8");
  await writeFile(join(directory, "colony.yaml"), manifest.replace("0.1.0", "0.2.0"));
  await appendFile(join(directory, "values.yaml"), "\ncolour: blue\n");
  await ran(user, ["publish", "--yes"], undefined, directory);
}

const press = (page: Page, name: string) => page.getByRole("button", { name }).click();
const tab = (page: Page, name: string) =>
  page.getByRole("navigation", { name: "Package" }).getByRole("link", { name, exact: true }).click();

async function makeAccount(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/register`);
  await page.getByLabel("User name").fill(USERNAME);
  await page.getByLabel("E-mail address").fill(`${USERNAME}@example.org`);
  await page.getByLabel("Password").fill(PASSWORD);
  await press(page, "Make the account");
}

async function findAndRead(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole("searchbox").fill("hello");
  await page.getByRole("searchbox").press("Enter");
  await page.getByRole("link", { name: "hello", exact: true }).click();
  expect(await page.locator("h1").innerText()).toContain("0.2.0");
  await tab(page, "Files");
  await page.getByRole("link", { name: "values.yaml", exact: true }).click();
  expect(await page.locator("main").innerText()).toContain("blue");
}

async function compareAndVerify(page: Page): Promise<void> {
  await tab(page, "Versions");
  await page
    .getByRole("link", { name: /compare/i })
    .first()
    .click();
  expect(await page.locator("main").innerText()).toContain("colour");
  await tab(page, "Trust");
  await press(page, "Verify in this browser");
  await page.waitForSelector("#verification .done, #verification .bad");
  expect(await page.locator("#verification li").last().innerText()).toBe("Verified");
}

async function yankAndUndo(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/packages/hello/settings`);
  await page.getByRole("link", { name: "Yank… 0.1.0" }).click();
  await page.getByLabel("Reason").selectOption("broken");
  await page.getByLabel("In words").fill("It loses the colour");
  await press(page, "Yank hello 0.1.0");
  await page.getByRole("link", { name: "0.1.0", exact: true }).click();
  expect(await page.locator(".banner").first().innerText()).toContain("It loses the colour");
  await tab(page, "Settings");
  await page.getByRole("link", { name: "Undo or change… 0.1.0" }).click();
  await press(page, "Undo the yank");
  await page.getByRole("link", { name: "0.1.0", exact: true }).click();
  expect(await page.locator(".banner").count()).toBe(0);
}

withBrowser("a journey", (browser) => {
  async function journey(registry: TestRegistry): Promise<void> {
    const user = await User.make();
    const context = await browser().newContext();
    const complaints: string[] = [];
    try {
      const page = await context.newPage();
      page.on("console", (message) => complaints.push(`${message.text()} on ${page.url()}`));
      await makeAccount(page, registry.url);
      await publishTwice(user, registry.url);
      await findAndRead(page, registry.url);
      await compareAndVerify(page);
      await yankAndUndo(page, registry.url);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
      await user.remove();
    }
  }

  test.each(["public", "authenticated"])("an owner and a reader find their way where reading is %s", async (access) => {
    const registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off", READ_ACCESS: access } });
    try {
      await journey(registry);
    } finally {
      await registry.stop();
    }
  });
});
