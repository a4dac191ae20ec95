import { expect, test } from "bun:test";
import { packageNameParam } from "../../src/packages/find-package.ts";
import { listVersions } from "../../src/packages/list-versions.ts";
import { goStyleArchive, manifestOf, type PackageDraft } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

const HTML = { accept: "text/html" };

onBothDatabases("versions, changes and dependencies of a package", (registry) => {
  const page = (path: string) => new Client(registry().url).get(path, HTML);

  /** Publishes versions of one package, each with its files and further lines of its manifest. */
  async function publish(
    name: string,
    versions: Record<
      string,
      { files?: Record<string, string | Uint8Array>; more?: string; draft?: Partial<PackageDraft> }
    >,
  ) {
    const owner = await newAccount(registry());
    const key = makeKey();
    for (const [version, { files = {}, more = "", draft = {} }] of Object.entries(versions)) {
      const manifest = `${manifestOf({ name, version, ...draft })}${more}`;
      const archive = goStyleArchive({ "colony.yaml": manifest, "templates/a.json": "{}\n", ...files });
      expect((await owner.publish(name, version, archive, key)).status).toBe(201);
    }
    return owner;
  }
  /** The text of a page as a reader sees it, on one line. */
  const wordsOf = (html: string) => html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");

  test("the versions tab lists all versions, the highest first, with what is wrong with them", async () => {
    const owner = await publish("all-versions", { "1.0.0": {}, "1.10.0": {}, "1.9.0": {}, "2.0.0-rc.1": {} });
    await owner.send("DELETE", "/api/packages/all-versions/1.9.0", { reason: "broken", message: "It loses <data>" });
    const { text } = await page("/packages/all-versions/1.10.0/versions");
    const shown = [...text.matchAll(/href="[^"]*packages\/all-versions\/([^/"]+)"(?: aria-current="true")?>\1</g)];
    expect(shown.map(([, version]) => version)).toEqual(["2.0.0-rc.1", "1.10.0", "1.9.0", "1.0.0"]);
    expect(text).toContain("pre-release");
    expect(text).toContain("it does not work: It loses &lt;data>");
    expect(text).toContain("all-versions/1.10.0/compare/1.9.0");
    expect(text).toContain("all-versions/2.0.0-rc.1/compare/1.10.0");
  });

  test("a list of versions goes on where the page before ended", async () => {
    await publish("paged-versions", { "1.0.0": {}, "1.1.0": {}, "1.2.0": {} });
    const { items, total } = await listVersions(registry().deps, packageNameParam("paged-versions"), {
      skipped: 1,
      max: 1,
    });
    expect([items.map(({ version }) => version), total]).toEqual([["1.1.0"], 3]);
    expect((await page("/packages/paged-versions/1.0.0/versions?page=9")).text).toContain("no page 9");
  });

  test("two versions are compared by what they mean", async () => {
    const before = "inputs:\n  - key: port\n    type: number\n    default: 80\n  - key: gone\n    type: text\n";
    const after =
      "inputs:\n  - key: port\n    type: text\n    default: 80\n    required: true\n  - key: fresh\n    default: [1]\n";
    await publish("compared", {
      "1.0.0": {
        more: `license: MIT\n${before}`,
        draft: {
          dependencies: [
            { name: "dep-a", version: "^1.0" },
            { name: "dep-b", version: "" },
          ],
        },
        files: { "values.yaml": "a: 1\nb:\n  c: x # old\n  d: [1, 2]\n", "old.txt": "old\n" },
      },
      "1.1.0": {
        more: `license: Apache-2.0\n${after}`,
        draft: { dependencies: [{ name: "dep-a", version: "^2.0" }] },
        files: { "values.yaml": "b:\n  d: [1, 2] # same\n  c: y\na: 1\ne: true\n", "new.bin": new Uint8Array(300) },
      },
    });
    const { status, text } = await page("/packages/compared/1.1.0/compare/1.0.0");
    expect(status).toBe(200);
    const words = wordsOf(text);
    for (const expected of [
      "license changed MIT Apache-2.0",
      "dep-a changed ^1.0 ^2.0",
      "dep-b removed any version –",
      "port: type changed number text",
      "port: required changed no yes",
      "gone removed required no, type text".replace("required no, type text", "type text, required no"),
      "fresh added –",
      "b.c changed &quot;x&quot; &quot;y&quot;",
      "e added – true",
      "old.txt removed 4 bytes –",
      "new.bin added – 300 bytes",
      "-license: MIT",
    ]) {
      expect(words).toContain(expected);
    }
    expect(words).not.toContain("b.d changed");
    expect(words).not.toContain("port: default");
  });

  test("versions with the same files say so, and one that does not exist offers the others", async () => {
    await publish("compared-same", { "1.0.0": {}, "1.0.1": {} });
    expect((await page("/packages/compared-same/1.0.0/compare/1.0.0")).text).toContain("have the same files");
    const missing = await page("/packages/compared-same/1.0.0/compare/7.0.0");
    expect([missing.status, missing.text.includes("compared-same/1.0.1")]).toEqual([404, true]);
  });

  test("the form of two versions leads to the address of their comparison, and never elsewhere", async () => {
    const chosen = await page("/packages/x/1.0.0/compare?version=2.0.0&since=//evil.example/..");
    expect([chosen.status, chosen.headers.get("location")]).toEqual([
      303,
      "../../../packages/x/2.0.0/compare/%2F%2Fevil.example%2F..",
    ]);
  });

  test("dependencies link to packages of this registry, and dependents are listed", async () => {
    await publish("dep-base", { "1.0.0": {} });
    await publish("dep-user", {
      "1.0.0": {
        draft: {
          dependencies: [
            { name: "dep-base", version: ">=1" },
            { name: "dep-elsewhere", version: "" },
          ],
        },
      },
    });
    const { text } = await page("/packages/dep-user/1.0.0/dependencies");
    expect(text).toContain('packages/dep-base">dep-base</a>');
    expect(wordsOf(text)).toContain("dep-elsewhere not in this registry any");
    expect((await page("/packages/dep-base/1.0.0/dependencies")).text).toContain('packages/dep-user">dep-user</a>');
    expect((await page("/packages/dep-base/1.0.0/dependencies?after=999999999")).text).toContain("No further package");
  });

  test("a package in quarantine shows what it is, and none of its contents", async () => {
    const owner = await publish("held-back", {
      "1.0.0": { files: { "README.md": "# Secret plan", "values.yaml": "plan: 1\n" } },
      "1.1.0": {},
    });
    await registry().deps.db.write(async ({ query, tables, invalidate }) => {
      await query.update(tables.packages).set({ quarantinedAt: new Date(), quarantineReason: "It mines coins" });
      invalidate("held-back");
    });
    for (const tab of ["", "/values", "/files", "/files/README.md", "/compare/1.1.0"]) {
      const { status, text } = await page(`/packages/held-back/1.0.0${tab}`);
      expect([tab, status]).toEqual([tab, 200]);
      expect(text).toContain("It mines coins");
      expect(text).not.toContain("Secret plan");
      expect(text).not.toContain("plan: 1");
    }
    expect((await page("/packages/held-back/1.0.0/images/README.md")).status).toBe(403);
    expect(owner.username).not.toBe("");
  });
});
