import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

/* w3m has no styles and no scripts: it reads a page in the order in which a screen reader does. */

const W3M = Bun.which("w3m");
if (W3M === null) console.log("Skipped: pages in a text browser. There is no w3m here (apt-get install w3m).");

/** A text as it is on one line. */
const plain = (text: string) =>
  text
    .replaceAll(/<[^>]+>/g, "")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&")
    .replaceAll(/\s+/g, " ")
    .trim();

/** The texts of the headings and links of the main part, in the order of the source. */
function partsOf(html: string): string[] {
  const main = /<main.*<\/main>/s.exec(html)?.[0] ?? "";
  const parts = [...main.matchAll(/<(h[1-6]|a)[ >].*?<\/\1>/gs)].map(([part]) => plain(part));
  return parts.filter((part) => part !== "");
}

async function dump(address: string): Promise<string> {
  const child = Bun.spawn([W3M ?? "", "-dump", "-cols", "300", address], { stdout: "pipe", stderr: "ignore" });
  return plain(await new Response(child.stdout).text());
}

/** Returns the first part that does not follow the one before it; undefined if all do. */
function outOfOrder(text: string, parts: readonly string[]): string | undefined {
  let from = 0;
  return parts.find((part) => {
    const at = text.indexOf(part, from);
    if (at >= 0) from = at;
    return at < 0;
  });
}

describe.skipIf(W3M === null && process.env.CI !== "true")("in a text browser", () => {
  let registry: TestRegistry;
  let user: string;

  beforeAll(async () => {
    registry = await startRegistry("sqlite");
    const [owner, key] = [await newAccount(registry), makeKey()];
    user = owner.username;
    const readme = "# Read me\n\n## Use\n\nText with a [link](docs/guide.md).\n";
    const draft = { name: "in-text", tags: ["web"], readme, files: { "docs/guide.md": "# Guide\n" } };
    for (const version of ["1.0.0", "1.1.0"]) {
      expect((await owner.publish("in-text", version, makePackage({ ...draft, version }), key)).status).toBe(201);
    }
    await owner.send("DELETE", "/api/packages/in-text/1.0.0", { reason: "broken" });
  });
  afterAll(() => registry.stop());

  test.each([
    ["the first page", "/"],
    ["all packages", "/search"],
    ["a search", "/search?q=in-text&tag=web"],
    ["a search for nothing", "/search?q=nowhere"],
    ["a user", "/users/:user"],
    ["the log", "/log"],
    ["the help", "/help"],
    ["the sign-in", "/login"],
    ["a package", "/packages/in-text"],
    ["a yanked version", "/packages/in-text/1.0.0"],
    ["the files", "/packages/in-text/1.1.0/files"],
    ["the trust", "/packages/in-text/1.1.0/trust"],
    ["an error", "/packages/nowhere"],
  ])("%s has its headings and links in the order of the page", async (_, path) => {
    const address = registry.url + path.replace(":user", user);
    const html = await (await fetch(address, { headers: { accept: "text/html" } })).text();
    const parts = partsOf(html);
    expect(parts.length).toBeGreaterThan(0);
    expect(outOfOrder(await dump(address), parts)).toBeUndefined();
  });

  test("a command to copy is there as text, without a button that would do nothing", async () => {
    const text = await dump(`${registry.url}/help`);
    expect(text).toContain("cpm-registry register http://registry.test");
    expect(text).not.toContain("Copy");
  });
});
