import { expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

onBothDatabases("the manifest of the latest version", (registry) => {
  const key = makeKey();

  async function publish(alice: Client, name: string, version: string, input: string): Promise<void> {
    const manifest = `name: ${name}\nversion: ${version}\nmaintainers: [{name: ${input}}]\ninputs:\n- {key: ${input}, default: 2, options: [a]}\n- {key: flag, default: false}\n`;
    expect((await alice.publish(name, version, makePackage({ name, version, manifest }), key)).status).toBe(201);
  }

  /** Returns what a package and the list show of the latest version. */
  async function shown(alice: Client, name: string): Promise<Json[]> {
    const [page, list] = [await alice.get(`/api/packages/${name}`), await alice.get("/api/packages?sort=updated")];
    const listed = list.body.items.find((item: Json) => item.name === name);
    return [page.body, listed].map(({ version, latest, inputs, maintainers }) => {
      expect(version).toBe(latest);
      return { version, inputs, maintainers };
    });
  }

  test("is what packages and lists show of inputs and maintainers, with the types of defaults", async () => {
    const alice = await newAccount(registry());
    await publish(alice, "with-inputs", "1.0.0+build.7", "old");
    const expected = (version: string, name: string) => ({
      version,
      inputs: [
        { key: name, required: false, default: 2, options: ["a"] },
        { key: "flag", required: false, default: false, options: [] },
      ],
      maintainers: [{ name }],
    });
    const old = expected("1.0.0+build.7", "old");
    expect(await shown(alice, "with-inputs")).toEqual([old, old]);
    await publish(alice, "with-inputs", "1.1.0", "new");
    await publish(alice, "with-inputs", "2.0.0-rc.1", "next");
    const latest = expected("1.1.0", "new");
    expect(await shown(alice, "with-inputs")).toEqual([latest, latest]);
    expect((await alice.send("DELETE", "/api/packages/with-inputs/1.1.0")).status).toBe(200);
    expect(await shown(alice, "with-inputs")).toEqual([old, old]);
  });

  test("is empty while a package has pre-releases only", async () => {
    const alice = await newAccount(registry());
    await publish(alice, "only-early", "0.1.0-beta.1", "early");
    const nothing = { version: null, inputs: [], maintainers: [] };
    expect(await shown(alice, "only-early")).toEqual([nothing, nothing]);
  });
});
