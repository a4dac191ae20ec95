import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { goStyleArchive } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { HOSTILE_MARKDOWN } from "../web/hostile-markdown.ts";
import { withBrowser } from "./browser.ts";

/*
 * Opens every page of a package that attacks whoever reads it: no script of it runs or is even
 * attempted, and nothing is asked of another server.
 */

const NAME = "hostile";
const PAYLOADS = [
  "<script>alert(1)</script>",
  `"><img src=x onerror=alert(1)>`,
  "' onmouseover='alert(1)' x='",
  "</title></style></textarea><svg onload=alert(1)>",
  "{{constructor.constructor('alert(1)')()}}",
  "javascript:alert(1)",
  "&lt;img src=x onerror=alert(1)&gt;",
  "]]><!--><script>alert(1)</script>",
  "\u202e<img src=//evil.example/x.png>\u2066",
];
const EVERYTHING = PAYLOADS.join(" ");
/** Characters that an archive may not have in a name are left out. */
const FILE_NAMES = [
  "docs/' onerror=alert(1) x='.md",
  "docs/javascript&colon;alert(1).md",
  "docs/%2e%2e%2f%2e%2e%2fadmin.md",
  "docs/&lt;svg onload=alert(1)&gt;.txt",
  "docs/#fragment.md",
  "docs/a b+c;d=e&f.yaml",
  "docs/page.html",
  "docs/picture.svg",
  "docs/data.json",
];

function manifest(version: string): string {
  const link = "https://example.org/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
  const fields = {
    ...{ apiVersion: "v1", name: NAME, version, description: `${version} ${EVERYTHING}`.slice(0, 1_900) },
    ...{ license: PAYLOADS[0], homepage: link, repository: link },
    tags: PAYLOADS.map((text) => text.replaceAll(",", "").slice(0, 40)),
    maintainers: PAYLOADS.map((name) => ({ name: name.slice(0, 190), email: name.slice(0, 190) })),
    dependencies: PAYLOADS.map((text, at) => ({
      name: at === 0 ? text.slice(0, 190) : `other-${at}`,
      version: text.slice(0, 190),
    })),
    conditions: { colonyOSVersion: PAYLOADS[1], architecture: PAYLOADS[2] },
    inputs: PAYLOADS.map((text) => {
      const short = `${version === "1.0.0" ? "" : "n"}${text}`.slice(0, 190);
      return { key: short, label: short, type: short, description: short, default: short, options: [short, text] };
    }),
  };
  return JSON.stringify(fields);
}

function archive(version: string): Uint8Array {
  const content = `${HOSTILE_MARKDOWN.join("\n\n")}\n\n${EVERYTHING}\n${version}\n`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>`;
  const files = Object.fromEntries(FILE_NAMES.map((name) => [name, name.endsWith(".svg") ? svg : content]));
  const images = FILE_NAMES.map((name) => `![${EVERYTHING}](${encodeURI(name)})`).join("\n\n");
  return goStyleArchive({
    ...files,
    "README.md": `${images}\n\n${content}`,
    "colony.yaml": manifest(version),
    "templates/a.json": content,
    "values.yaml": `${PAYLOADS.map((text, at) => `v${at}: ${JSON.stringify(text + version)}`).join("\n")}\n`,
  });
}

withBrowser("pages of a hostile package", (browser) => {
  let registry: TestRegistry;
  let page: Page;
  const incidents: string[] = [];

  beforeAll(async () => {
    registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off" } });
    const owner = await newAccount(registry);
    const key = makeKey();
    for (const version of ["1.0.0", "1.1.0"]) {
      const { status, text } = await owner.publish(NAME, version, archive(version), key);
      expect([status, status === 201 ? "" : text]).toEqual([201, ""]);
    }
    const yank = { reason: "security", message: EVERYTHING.slice(0, 200) };
    expect((await owner.send("DELETE", `/api/packages/${NAME}/1.0.0`, yank)).status).toBe(200);
    const status = { status: "deprecated", message: EVERYTHING.slice(0, 200) };
    expect((await owner.send("PUT", `/api/packages/${NAME}/status`, status)).status).toBe(200);
    page = await (await browser().newContext()).newPage();
    page.on("dialog", async (dialog) => {
      incidents.push(`dialog ${dialog.message()} on ${page.url()}`);
      await dialog.dismiss();
    });
    page.on("console", (message) => {
      if (!message.text().includes("404")) incidents.push(`${message.text()} on ${page.url()}`);
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(registry.url)) incidents.push(`${request.url()} from ${page.url()}`);
    });
  });
  afterAll(async () => {
    await page.close();
    await registry.stop();
  });

  /** Opens a page, touches everything on it, and returns the addresses of its links. */
  async function open(path: string): Promise<string[]> {
    const response = await page.goto(registry.url + path);
    expect([path, response?.status()]).toEqual([path, 200]);
    await page.evaluate(`for (const one of document.querySelectorAll("main *")) {
      for (const kind of ["mouseover", "focus", "toggle", "error", "load"]) one.dispatchEvent(new Event(kind));
    }`);
    return page.evaluate(`[...document.querySelectorAll("a[href]")].map((link) => link.href)`);
  }

  test("no page of it runs a script, attempts one, or asks another server", async () => {
    const waiting = [
      `/packages/${NAME}`,
      "/",
      "/search?q=hostile",
      `/search?q=${encodeURIComponent(EVERYTHING)}`,
      "/log",
    ];
    const seen = new Set(waiting);
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      for (const address of await open(path)) {
        const next = address.slice(registry.url.length).replace(/#.*/, "");
        const isPage =
          address.startsWith(`${registry.url}/packages/${NAME}`) &&
          !/\/(?:raw|images|download|proof)(?:\/|$)/.test(next);
        if (!isPage || seen.has(next)) continue;
        seen.add(next);
        waiting.push(next);
      }
    }
    expect(incidents).toEqual([]);
    expect(seen.size).toBeGreaterThan(2 * FILE_NAMES.length);
  });
});
