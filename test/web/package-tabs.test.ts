import { expect, test } from "bun:test";
import { goStyleArchive, makePackage, manifestOf } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases, startRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const HTML = { accept: "text/html" };

onBothDatabases("tabs of a package", (registry) => {
  const publish = async (name: string, files: Record<string, string | Uint8Array> = {}, more = "") => {
    const owner = await newAccount(registry());
    const manifest = `${manifestOf({ name, version: "1.0.0" })}${more}`;
    const archive = makePackage({ name, version: "1.0.0", manifest, files });
    expect((await owner.publish(name, "1.0.0", archive, makeKey())).status).toBe(201);
    return owner;
  };
  const page = (path: string, headers = HTML) => new Client(registry().url).get(path, headers);

  test("the values tab shows values.yaml with line numbers, and says when there is none", async () => {
    await publish("tab-values", { "values.yaml": "# Ports\nweb:\n  port: 80\n" });
    const { text } = await page("/packages/tab-values/1.0.0/values");
    expect(text).toContain('<span class="tok-comment"># Ports</span>');
    expect(text).toContain('id="L3"');
    expect(text).not.toContain('id="L4"');
    expect(text).toContain('href="../../../packages/tab-values/1.0.0/raw/values.yaml"');
  });

  test("the inputs tab is a table of what an installation asks for, and says when that is nothing", async () => {
    const inputs =
      'inputs:\n  - key: port\n    label: Port\n    type: number\n    required: true\n    default: 80\n    options: [80, "443"]\n    description: "<b>Where</b>"\n';
    await publish("tab-inputs", {}, inputs);
    const { text } = await page("/packages/tab-inputs/1.0.0/inputs");
    expect(text).toContain("<code>port</code>");
    expect(text).toContain("<code>443</code>");
    expect(text).toContain("&lt;b>Where");
    await publish("tab-no-inputs");
    expect((await page("/packages/tab-no-inputs/1.0.0/inputs")).text).toContain("asks for no inputs");
  });

  test("the files tab lists files, and each is a page; a folder is a page too", async () => {
    await publish("tab-files", { "docs/a b.json": '{ "a": 1 }\n', "docs/deep/x.sh": "set -e\n" });
    const { text } = await page("/packages/tab-files/1.0.0/files");
    expect(text).toContain('href="../../../packages/tab-files/1.0.0/files/docs/a%20b.json"');
    const file = await page("/packages/tab-files/1.0.0/files/docs/a%20b.json");
    expect(file.text).toContain('<span class="tok-key">&quot;a&quot;</span>');
    const folder = await page("/packages/tab-files/1.0.0/files/docs");
    expect([folder.status, folder.text.includes("deep/")]).toEqual([200, true]);
    expect((await page("/packages/tab-files/1.0.0/files/none")).status).toBe(404);
  });

  test("a file that is no text is shown by its size and digest, and a large one is not unpacked for a page", async () => {
    const bytes = Uint8Array.from({ length: 700 }, (_, at) => at % 256);
    await publish("tab-binary", { "a.bin": bytes, "large.txt": `${"x".repeat(99)}\n`.repeat(3_000) });
    const { text } = await page("/packages/tab-binary/1.0.0/files/a.bin");
    expect(text).toContain("700 bytes");
    expect(text).toMatch(/<code class="hex">[0-9a-f]{64}<\/code>/);
    expect((await page("/packages/tab-binary/1.0.0/files/large.txt")).text).toContain("too large for a page");
  });

  test("an image has the type of its bytes and a policy that runs nothing; other files are no images", async () => {
    await publish("tab-image", {
      "a.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
      "fake.png": "<script>alert(1)</script>",
    });
    const image = await page("/packages/tab-image/1.0.0/images/a.svg");
    expect([image.status, image.headers.get("content-type")]).toEqual([200, "image/svg+xml"]);
    expect(image.headers.get("content-security-policy")).toContain("sandbox");
    expect(image.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await page("/packages/tab-image/1.0.0/images/fake.png")).status).toBe(404);
    expect((await page("/packages/tab-image/1.0.0/images/README.md")).status).toBe(404);
  });

  test("a package without README and values says so on each tab", async () => {
    const owner = await newAccount(registry());
    const manifest = manifestOf({ name: "tab-bare", version: "1.0.0" });
    const archive = goStyleArchive({ "colony.yaml": manifest, "templates/a.json": "{}\n" });
    expect((await owner.publish("tab-bare", "1.0.0", archive, makeKey())).status).toBe(201);
    expect((await page("/packages/tab-bare")).text).toContain("has no README");
    expect((await page("/packages/tab-bare/1.0.0/values")).text).toContain("has no values.yaml");
  });

  test("a version that does not exist offers those that do, and a package that does not is not found", async () => {
    await publish("tab-missing");
    for (const tab of ["", "/values", "/files/a"]) {
      const { status, text, headers } = await page(`/packages/tab-missing/9.9.9${tab}`);
      expect([status, headers.get("cache-control")]).toEqual([404, "no-store"]);
      expect(text).toContain('packages/tab-missing/1.0.0"');
    }
    expect((await page("/packages/tab-nobody/1.0.0/values")).status).toBe(404);
  });

  test("only the plain spelling of an address is cached, so that a change invalidates every copy", async () => {
    await publish("tab-spelled");
    const cached = (path: string) => registry().deps.responseCache?.cachedBody(path) !== undefined;
    for (const path of [
      "/packages/tab-spelled/1.0.0/values",
      "/packages/%74ab-spelled/1.0.0/values",
      "/packages/tab-spelled/%31.0.0",
    ]) {
      expect((await page(path)).status).toBe(200);
    }
    // An invalidation meanwhile, such as of counted downloads, keeps an answer out of the cache.
    await waitUntil(async () => {
      await page("/packages/tab-spelled/1.0.0/values");
      return cached("/packages/tab-spelled/1.0.0/values");
    }, "the page is cached");
    expect(cached("/packages/%74ab-spelled/1.0.0/values")).toBe(false);
    expect(cached("/packages/tab-spelled/%31.0.0")).toBe(false);
  });
});

test("a private registry gives files and images of a package to visitors alone, and to no shared cache", async () => {
  const registry = await startRegistry("sqlite", { env: { READ_ACCESS: "authenticated" } });
  try {
    const owner = await newAccount(registry);
    const files = { "a.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>" };
    const archive = makePackage({ name: "private-image", version: "1.0.0", files });
    expect((await owner.publish("private-image", "1.0.0", archive, makeKey())).status).toBe(201);
    const body = new URLSearchParams({ username: owner.username, password: PASSWORD });
    const login = await fetch(`${registry.url}/login`, { method: "POST", body, redirect: "manual" });
    const cookie = (login.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const guest = new Client(registry.url);
    for (const path of ["images/a.svg", "raw/a.svg", "files/a.svg", "compare/1.0.0", "dependencies", "versions"]) {
      const address = `/packages/private-image/1.0.0/${path}`;
      expect([path, (await guest.get(address, HTML)).status]).toEqual([path, 303]);
      const shown = await guest.get(address, { ...HTML, cookie });
      expect([path, shown.status]).toEqual([path, 200]);
      expect(shown.headers.get("cache-control")).toStartWith("private");
    }
  } finally {
    await registry.stop();
  }
});
