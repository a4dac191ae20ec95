import { beforeAll, describe, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases, startRegistry, type TestRegistry } from "../support/registry.ts";
import { commandsIn, faultsOf, type SeenPage, walk } from "./pages-of-site.ts";

const README = `# Rich

A [guide](docs/guide.md), a [part](#part), [elsewhere](https://example.org), a [lost file](no/such.md).

![Picture](docs/picture.svg)

## Part

| a | b |
|---|---|
| 1 | 2 |
`;

const RICH = {
  "docs/guide.md": "# Guide\n\n[Back](../README.md)\n",
  "docs/picture.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
  "docs/a file with #%& signs.txt": "text\n",
  "data.bin": new Uint8Array([0, 1, 2, 255]),
};

/** Publishes a package with everything, and one with nothing. Returns their owner. */
async function fill(registry: TestRegistry) {
  const [owner, key] = [await newAccount(registry), makeKey()];
  const draft = {
    name: "rich",
    tags: ["web", "c++"],
    maintainers: [{ name: "Ada & <Co>" }],
    readme: README,
    files: RICH,
  };
  const dependencies = [
    { name: "plain", version: ">=1.0.0" },
    { name: "not-here", version: "1.0.0" },
  ];
  const versions = [
    makePackage({ ...draft, version: "1.0.0" }),
    makePackage({ ...draft, version: "1.1.0+build.7", dependencies, files: { ...RICH, "docs/guide.md": "# New\n" } }),
  ];
  for (const [at, archive] of versions.entries()) {
    expect((await owner.publish("rich", at === 0 ? "1.0.0" : "1.1.0+build.7", archive, key)).status).toBe(201);
  }
  const plain = makePackage({ name: "plain", version: "1.0.0" });
  expect((await owner.publish("plain", "1.0.0", plain, key)).status).toBe(201);
  await owner.send("DELETE", "/api/packages/rich/1.0.0", {
    reason: "broken",
    message: "no",
    replacement: "rich@1.1.0",
  });
  return owner;
}

/** A link in a README leads where its author says, so it may lead to nothing. */
const isLost = (address: string) => /\/no\/such\.md$|\/packages\/not-here$/.test(address);

/** Expects that every link leads somewhere and every page is sound. */
function expectSound(pages: readonly SeenPage[]): void {
  const broken = pages.filter(({ status }) => status >= 400).map(({ address, status }) => `${status} ${address}`);
  expect(broken).toEqual([]);
  const html = pages.filter(({ contentType, status }) => contentType.startsWith("text/html") && status === 200);
  const own = html.filter(({ address }) => !/\/swagger\/?$/.test(address));
  const faults = own.flatMap((page) => faultsOf(page).map((fault) => `${page.address}: ${fault}`));
  expect(faults).toEqual([]);
  expect(own.length).toBeGreaterThan(40);
}

async function sessionOf(url: string, username: string): Promise<Record<string, string>> {
  const body = new URLSearchParams({ username, password: PASSWORD });
  const response = await fetch(`${url}/login`, { method: "POST", body, redirect: "manual" });
  return { cookie: (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "" };
}

onBothDatabases("all pages", (registry) => {
  beforeAll(async () => {
    await fill(registry());
  });

  test("every link of every page leads somewhere, and every page is sound", async () => {
    expectSound(await walk(`${registry().url}/`, { skips: isLost }));
  });
});

/** Starts a proxy that serves a site below `/cpm`, and strips that from its addresses. */
function startProxy(upstream: string) {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url, headers, method }) => {
      const { pathname, search } = new URL(url);
      if (!pathname.startsWith("/cpm/")) return new Response("outside", { status: 500 });
      // What fetch unpacks, it would hand on unpacked with the header of the packed form.
      headers.set("accept-encoding", "identity");
      return fetch(`${upstream}${pathname.slice("/cpm".length)}${search}`, { method, headers, redirect: "manual" });
    },
  });
}

describe("a registry under a path", () => {
  test("every link leads somewhere, behind a proxy that strips the path and behind one that does not", async () => {
    const registry = await startRegistry("sqlite", { env: { PUBLIC_URL: "http://registry.test/cpm" } });
    const proxy = startProxy(registry.url);
    try {
      await fill(registry);
      for (const start of [`${registry.url}/cpm/`, `${proxy.url.origin}/cpm/`]) {
        const pages = await walk(start, { skips: isLost });
        expectSound(pages);
        const commands = pages.flatMap(({ text }) => commandsIn(text));
        expect(commands.some((command) => command.includes("--registry http://registry.test/cpm"))).toBe(true);
      }
    } finally {
      await proxy.stop(true);
      await registry.stop();
    }
  });
});

describe("the pages of a visitor of a private registry", () => {
  test("every link leads somewhere, and every page is sound", async () => {
    const registry = await startRegistry("sqlite", { env: { READ_ACCESS: "authenticated" } });
    try {
      const { username } = await fill(registry);
      const headers = await sessionOf(registry.url, username);
      const pages = await walk(`${registry.url}/`, { headers, skips: isLost });
      expectSound(pages);
      expect(pages.filter(({ text }) => text.includes(">Sign in<")).map(({ address }) => address)).toEqual([]);
    } finally {
      await registry.stop();
    }
  });
});
