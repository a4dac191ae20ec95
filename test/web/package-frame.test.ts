import { beforeAll, expect, test } from "bun:test";
import { makePackage, manifestOf } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, TEST_PUBLIC_URL } from "../support/registry.ts";
import { commandsIn } from "./pages-of-site.ts";

const HTML = { accept: "text/html" };

onBothDatabases("what every tab of a package has around it", (registry) => {
  const publish = async (name: string, more = "") => {
    const owner = await newAccount(registry());
    const manifest = `${manifestOf({ name, version: "1.0.0" })}${more}`;
    expect(
      (await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0", manifest }), makeKey())).status,
    ).toBe(201);
    return owner;
  };
  beforeAll(() => publish("other"));
  const page = async (path: string) => (await new Client(registry().url).get(path, HTML)).text;

  test("a package says how to install and how to download it, and what it declares", async () => {
    const more =
      'license: "MIT <b>"\nhomepage: https://example.org/x\nmaintainers:\n  - name: "Ada <i>"\n    url: https://example.org/ada\n';
    await publish("framed", more);
    const text = await page("/packages/framed");
    expect(commandsIn(text)).toEqual([
      `cpm-registry download framed@1.0.0 --registry ${TEST_PUBLIC_URL}`,
      "cpm install framed --version 1.0.0",
    ]);
    expect(text).toContain("<dd>MIT &lt;b></dd>");
    expect(text).toContain('<a href="https://example.org/ada" rel="nofollow noopener noreferrer ugc">Ada &lt;i></a>');
    expect(text).toContain("packages/framed/1.0.0/download");
  });

  test.each([
    ["a version of itself", "2.0.0", 'packages/replaced-1/2.0.0">2.0.0</a>'],
    ["another package", "other", 'packages/other">other</a>'],
    ["a version of another package", "other@2.0.0", 'packages/other/2.0.0">other@2.0.0</a>'],
  ])("a yank that names %s links to it", async (_, replacement, expected) => {
    const name = `replaced-${["2.0.0", "other", "other@2.0.0"].indexOf(replacement) + 1}`;
    const owner = await publish(name);
    const yank = await owner.send("DELETE", `/api/packages/${name}/1.0.0`, {
      reason: "broken",
      message: "Broken!",
      replacement,
    });
    expect(yank.status).toBe(200);
    const text = await page(`/packages/${name}/1.0.0`);
    expect(text).toContain(expected);
    expect(text).toContain("Broken! Use");
  });

  test("a version in quarantine has no command and no archive to download", async () => {
    await publish("stopped");
    await registry().deps.db.write(async ({ query, tables, invalidate }) => {
      await query.update(tables.versions).set({ quarantinedAt: new Date(), quarantineReason: "It mines coins" });
      invalidate("stopped");
    });
    const text = await page("/packages/stopped/1.0.0");
    expect(text).toContain("It mines coins. It cannot be downloaded.");
    expect(text).not.toContain("cpm install");
    expect(text).not.toContain("/1.0.0/download");
  });
});
