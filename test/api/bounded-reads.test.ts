import { expect, spyOn, test } from "bun:test";
import { Turns } from "../../src/runtime/turns.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, expectProblem, type Json, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { onBothDatabases, type TestRegistry, tracesOf } from "../support/registry.ts";

const KIB = 1_024;

/**
 * Runs a task and counts the JSON columns that were read with a text in them, by watching drivers
 * parse JSON.
 */
async function columnsRead(marker: string, task: () => Promise<unknown>): Promise<number> {
  const parse = JSON.parse;
  let found = 0;
  JSON.parse = ((text: string, reviver?: Parameters<typeof parse>[1]) => {
    if (typeof text === "string" && text.includes(marker)) found += 1;
    return parse(text, reviver);
  }) as typeof parse;
  try {
    await task();
  } finally {
    JSON.parse = parse;
  }
  return found;
}

async function publishMany(alice: Client, key: SigningKey, name: string, versions: readonly string[]) {
  for (const version of versions) {
    const archive = makePackage({ name, version, description: "watched-manifest" });
    expect((await alice.publish(name, version, archive, key)).status).toBe(201);
  }
}

function inputsOf(bytes: number): string {
  const options = Array.from({ length: 20 }, () => `"${"x".repeat(bytes / 20)}"`).join(", ");
  return `inputs:\n  - key: a\n    options: [${options}]\n`;
}

async function publishManifest(registry: TestRegistry, name: string, more: string) {
  const manifest = `name: ${name}\nversion: 1.0.0\n${more}`;
  const archive = makePackage({ name, version: "1.0.0", manifest });
  return (await newAccount(registry)).publish(name, "1.0.0", archive, makeKey());
}

onBothDatabases("bounded reads", (registry) => {
  test("a publish whose manifest is too long for readers of its package is refused", async () => {
    const fits = await publishManifest(registry(), "fits", inputsOf(30 * KIB));
    expect(fits.status).toBe(201);
    const before = await tracesOf(registry());
    const answer = await publishManifest(registry(), "too-much", inputsOf(33 * KIB));
    expectProblem(answer, 422, "archive_rejected");
    expect(answer.body.errors).toEqual([
      { path: "colony.yaml", code: "manifest_field_too_long", message: expect.stringContaining("shorten") },
    ]);
    expect(await tracesOf(registry())).toEqual(before);
  });

  test("the document of a package is made in turns, with a pause for each version", async () => {
    const alice = await newAccount(registry());
    const versions = ["1.0.0", "1.1.0", "1.2.0"];
    await publishMany(alice, makeKey(), "in-turns", versions);
    const pauses = spyOn(Turns.prototype, "pause");
    const answer = await alice.get("/api/packages/in-turns");
    const counted = pauses.mock.calls.length;
    pauses.mockRestore();
    expect(answer.body.versions.map(({ version }: Json) => version)).toEqual(versions.toReversed());
    expect(counted).toBeGreaterThan(versions.length);
  });

  test("the leaves of a package are proved in turns, with a pause after every few", async () => {
    const alice = await newAccount(registry());
    const versions = Array.from({ length: 12 }, (_, minor) => `1.${minor}.0`);
    await publishMany(alice, makeKey(), "proved-in-turns", versions);
    const pauses = spyOn(Turns.prototype, "pause");
    const answer = await alice.get("/api/packages/proved-in-turns/log");
    const counted = pauses.mock.calls.length;
    pauses.mockRestore();
    expect(answer.body.entries).toHaveLength(versions.length);
    expect(counted).toBeGreaterThanOrEqual(versions.length / 4);
  });

  test("a package is shown from one manifest, however many versions it has", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const versions = Array.from({ length: 12 }, (_, minor) => `1.${minor}.0-beta`);
    await publishMany(alice, key, "watched", versions);
    const address = "/api/packages/watched";
    // The version itself, what the write returns of it, and the version that represents the
    // package.
    const yanked = await columnsRead("watched-manifest", () => alice.send("DELETE", `${address}/1.0.0-beta`));
    expect(yanked).toBeLessThanOrEqual(5);
    const missing = await columnsRead("watched-manifest", async () => {
      const answer = await alice.get(`${address}/latest`);
      expect(answer.body.detail).toContain("1.11.0-beta");
    });
    expect(missing).toBe(0);
    await publishMany(alice, key, "watched", ["1.0.0"]);
    expect((await alice.get(address)).body).toMatchObject({ latest: "1.0.0", description: "watched-manifest" });
  });

  test("a text of a version is read without the version's list of files", async () => {
    const alice = await newAccount(registry());
    const files = { "README.md": "# Read me", "values.yaml": "a: 1", "watched-file.txt": "" };
    const archive = makePackage({ name: "listed", version: "1.0.0", files });
    expect((await alice.publish("listed", "1.0.0", archive, makeKey())).status).toBe(201);
    const readOf = (part: string) =>
      columnsRead("watched-file", async () => {
        expect((await alice.get(`/api/packages/listed/1.0.0/${part}`)).status).toBe(200);
      });
    expect(await readOf("files")).toBeGreaterThanOrEqual(1);
    for (const part of ["readme", "manifest", "values"]) expect([part, await readOf(part)]).toEqual([part, 0]);
  });
});
