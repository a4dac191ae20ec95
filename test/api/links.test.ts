import { beforeAll, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { makeArchive } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

const BAD = ["javascript:alert(1)", "data:text/html,x", "git@example.org:a.git", "ftp://example.org"];
const GOOD = "https://example.org/a";

function archiveOf(name: string, [homepage = "", repository = "", url = ""]: readonly string[]): Uint8Array {
  const manifest = [
    `name: ${name}`,
    "version: 1.0.0",
    `homepage: "${homepage}"`,
    `repository: "${repository}"`,
    `maintainers: [{name: a, url: "${url}"}, {name: b, url: "${GOOD}"}]`,
  ];
  return makeArchive({ "colony.yaml": manifest.join("\n"), "values.yaml": "a: 1\n", "templates/a.yaml": "" });
}

onBothDatabases("links of a package", (registry) => {
  const key = makeKey();
  let alice: Client;
  beforeAll(async () => {
    alice = await newAccount(registry(), "alice");
  });
  const urls = (body: { maintainers: { url?: string }[] }) => body.maintainers.map(({ url }) => url);

  test.each(BAD)("to %s are left out, with a warning that names the fields", async (link) => {
    const name = `bad${BAD.indexOf(link)}`;
    const { status, body } = await alice.publish(name, "1.0.0", archiveOf(name, [link, link, link]), key);
    expect(status).toBe(201);
    expect([body.homepage, body.repository, urls(body)]).toEqual([undefined, undefined, [undefined, GOOD]]);
    const message =
      "maintainers/0/url, homepage, repository in colony.yaml: only links with http:// or https:// are shown";
    expect(body.warnings).toEqual([{ code: "link_not_http", message, path: "colony.yaml#/maintainers/0/url" }]);
    const { body: page, text } = await alice.get(`/api/packages/${name}`);
    expect(page.versions[0].warnings).toEqual(body.warnings);
    expect(text).not.toContain(link);
  });

  test("to http and https are shown, and no link is no warning", async () => {
    const { body } = await alice.publish("good", "1.0.0", archiveOf("good", [GOOD, "http://example.org", GOOD]), key);
    expect([body.homepage, body.repository, urls(body)]).toEqual([GOOD, "http://example.org", [GOOD, GOOD]]);
    const none = await alice.publish("none", "1.0.0", archiveOf("none", []), key);
    expect([body.warnings, none.body.warnings]).toEqual([[], []]);
  });

  test("that an older version of the registry stored are not shown", async () => {
    await alice.publish("old", "1.0.0", archiveOf("old", [GOOD, GOOD, GOOD]), key);
    await registry().deps.db.write(async ({ query, tables: { versions } }) => {
      const rows = await query.select({ id: versions.id, manifest: versions.manifest }).from(versions);
      for (const { id, manifest } of rows) {
        const stored = JSON.parse(JSON.stringify(manifest).replaceAll(GOOD, BAD[0] ?? ""));
        await query.update(versions).set({ manifest: stored }).where(eq(versions.id, id));
      }
    });
    for (const path of ["/api/packages/old", "/api/packages/old/1.0.0"]) {
      const { status, text } = await alice.get(path);
      expect(status).toBe(200);
      expect(text).not.toContain("javascript:");
    }
  });
});
