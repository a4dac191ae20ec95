import { afterAll, beforeAll, expect, test } from "bun:test";
import { brotliCompressSync } from "node:zlib";
import type { Page } from "playwright-core";
import { ASSETS } from "../../src/web/assets.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, type Json, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { addKey, newKey, removeKey, resetTo } from "../support/key-statements.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { withBrowser } from "./browser.ts";

/* The button "Verify in this browser" of the trust tab, with honest answers and with forged ones. */

test("the scripts of a page are small when they travel", () => {
  const size = (name: "script" | "verify") => brotliCompressSync(ASSETS[name].text).length;
  expect(size("verify")).toBeLessThan(4_096);
  expect(size("script") + size("verify")).toBeLessThan(10_240);
});

withBrowser("verifying in the browser", (browser) => {
  let registry: TestRegistry;
  let page: Page;
  let owner: Client;
  let first: SigningKey;
  let second: SigningKey;
  let complaints: string[];

  const published = async (name: string, version: string, key: SigningKey) =>
    expect((await owner.publish(name, version, makePackage({ name, version }), key)).status).toBe(201);

  beforeAll(async () => {
    registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off" } });
    owner = await newAccount(registry);
    [first, second] = [await newKey(owner), await newKey(owner)];
    await published("kept", "1.0.0", first);
    await published("kept", "1.1.0", first);
    expect((await addKey(owner, "kept", second, { by: first })).status).toBe(200);
    await published("kept", "2.0.0", second);
    expect((await removeKey(owner, "kept", first, { by: second })).status).toBe(200);
    await published("kept", "2.1.0", second);
    page = await (await browser().newContext()).newPage();
    page.on("console", (message) => complaints.push(message.text()));
  });
  afterAll(async () => {
    await page.close();
    await registry.stop();
  });

  /** Presses the button, with the answer to the script changed, and returns the last line. */
  async function verdict(version: string, change: (log: Json) => Json = (log) => log, name = "kept") {
    complaints = [];
    await page.unrouteAll();
    await page.route("**/verification", async (route) => {
      await route.fulfill({ json: change(await (await route.fetch()).json()) });
    });
    await page.goto(`${registry.url}/packages/${name}/${version}/trust`);
    await page.click("button[data-verify]");
    await page.waitForSelector("#verification .done, #verification .bad");
    expect(complaints).toEqual([]);
    return page.locator("#verification li").last().innerText();
  }

  test.each(["1.0.0", "1.1.0", "2.0.0", "2.1.0"])(
    "version %s of a package whose keys changed is verified",
    async (version) => {
      expect(await verdict(version)).toBe("Verified");
      expect(await page.locator("#verification li").count()).toBe(5);
    },
  );

  test("a reset by an owner counts only after its 72 hours", async () => {
    const third = makeKey();
    await published("reset", "1.0.0", await newKey(owner));
    expect((await resetTo(owner, "reset", third)).status).toBe(200);
    expect(await verdict("1.0.0", undefined, "reset")).toBe("Verified");
    const early = (log: Json) => changedLeaf(log, " reset ", /at .*/, "at 2020-01-01T00:00:00Z");
    expect(await verdict("1.0.0", early, "reset")).toStartWith("Not verified");
  });

  const without = (log: Json, about: string) => ({
    ...log,
    entries: log.entries.filter(({ leaf }: Json) => !leaf.includes(about)),
  });

  test.each<[string, string, (log: Json) => Json]>([
    ["another digest", "not the one in the log", (log) => changedLeaf(log, "kept 2.0.0", /sha256 ../, "sha256 00")],
    ["another signature", "signature is wrong", (log) => changedLeaf(log, "kept 2.0.0", /cpm-v1 ..../, "cpm-v1 AAAA")],
    ["another time", "not in the log", (log) => changedLeaf(log, "kept 2.0.0", /published 20../, "published 1999")],
    [
      "a shorter proof",
      "too short",
      (log) => ({ ...log, entries: log.entries.map((one: Json) => ({ ...one, proof: one.proof.slice(0, -1) })) }),
    ],
    [
      "another tree",
      "checkpoint's signature is wrong",
      (log) => ({ ...log, checkpoint: log.checkpoint.replace(/\n(\d+)\n/, "\n1$1\n") }),
    ],
    ["the key of another log", "did not sign", (log) => ({ ...log, vkey: `other${log.vkey}` })],
    ["no leaf of the version", "no leaf of this version", (log) => without(log, "kept 2.0.0")],
    ["a dropped key change", "a key signed that the log does not allow", (log) => without(log, " add ")],
    ["a dropped first version", "", (log) => without(log, "kept 1.0.0")],
  ])("an answer with %s is not verified", async (_, reason, change) => {
    const line = await verdict("2.0.0", change);
    expect(line).toStartWith("Not verified: ");
    expect(line).toContain(reason);
  });

  test("an archive with one other byte is not verified", async () => {
    await page.unrouteAll();
    await page.route("**/download", async (route) => {
      const body = await (await route.fetch()).body();
      body[200] = (body[200] ?? 0) ^ 1;
      await route.fulfill({ body });
    });
    await page.goto(`${registry.url}/packages/kept/2.0.0/trust`);
    await page.click("button[data-verify]");
    await page.waitForSelector("#verification .bad");
    expect(await page.innerText("#verification")).toBe("Not verified: the archive is not the one in the log");
  });
});

/** Returns the answer with the leaf changed that has a text. */
function changedLeaf(log: Json, about: string, from: RegExp, to: string): Json {
  const change = (one: Json) => (one.leaf.includes(about) ? { ...one, leaf: one.leaf.replace(from, to) } : one);
  return { ...log, entries: log.entries.map(change) };
}
