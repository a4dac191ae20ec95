import { afterAll, beforeAll, expect, test } from "bun:test";
import { decodeBundle, tilePath, tilesOfTree } from "../../src/tlog/tile.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, newAccount, type SigningKey } from "../support/client.ts";
import { addKey, newKey, removeKey } from "../support/key-statements.ts";
import { onBothDatabases, type TestRegistry } from "../support/registry.ts";
import { openGoVerifier, openTesseraVerifier } from "./go-verifier.ts";
import { proves } from "./sigstore.ts";

/* Independent programs read over HTTP what a used registry serves. */

const PACKAGES = 6;
const VERSIONS_EACH = 50;
/** Every tenth version is yanked, one key is added and one removed. */
const LEAVES = PACKAGES * (VERSIONS_EACH + VERSIONS_EACH / 10) + 2;

const [go, tessera] = await Promise.all([openGoVerifier(), openTesseraVerifier()]);

afterAll(() => {
  go?.remove();
  tessera?.remove();
});

/** Publishes and yanks. With a second key, it switches to that key in the middle. */
async function useOne(owner: Client, name: string, first: SigningKey, second?: SigningKey): Promise<void> {
  let key = first;
  for (let number = 1; number <= VERSIONS_EACH; number += 1) {
    const version = `1.0.${number}`;
    if (number === VERSIONS_EACH / 2 && second !== undefined) {
      expect((await addKey(owner, name, second, { by: first })).status).toBe(200);
      expect((await removeKey(owner, name, first, { by: second })).status).toBe(200);
      key = second;
    }
    const { status, text } = await owner.publish(name, version, makePackage({ name, version }), key);
    expect([status, status === 201 ? "" : text]).toEqual([201, ""]);
    if (number % 10 !== 0) continue;
    expect((await owner.send("DELETE", `/api/packages/${name}/${version}`, { reason: "broken" })).status).toBe(200);
  }
}

async function useRegistry(registry: TestRegistry): Promise<Client> {
  const owner = await newAccount(registry, "interop");
  const [first, second] = [await newKey(owner), await newKey(owner)];
  const names = Array.from({ length: PACKAGES }, (_, at) => `interop-${at}`);
  await Promise.all(names.map((name, at) => useOne(owner, name, first, at === 0 ? second : undefined)));
  return owner;
}

onBothDatabases(
  "the log of a running registry",
  (registry) => {
    let client: Client;
    let vkey: string;
    let log: string;

    beforeAll(async () => {
      client = await useRegistry(registry());
      vkey = (await client.get("/log/vkey")).text.trim();
      log = `${registry().url}/log`;
    });

    test.skipIf(go === undefined)("the served log is what Go's sumdb/tlog and sumdb/note compute", async () => {
      const checked = await go?.checkLog(log, vkey);
      expect(checked).toMatchObject({ size: LEAVES, tiles: tilesOfTree(LEAVES).length });
    });

    test.skipIf(tessera === undefined)("the served log passes Tessera's fsck", async () => {
      expect(await tessera?.checkLog(log, vkey)).toMatchObject({ size: LEAVES, cosigned: {} });
    });

    test("the served log proves every version to sigstore-js, and no version in place of another", async () => {
      const leaves: Uint8Array[] = [];
      for (const { level, ...tile } of tilesOfTree(LEAVES)) {
        if (level !== 0) continue;
        const response = await fetch(`${log}/${tilePath({ ...tile, level: "entries" })}`);
        leaves.push(...(decodeBundle(await response.bytes()) ?? []));
      }
      const origin = vkey.slice(0, vkey.indexOf("+"));
      for (let number = 1; number <= VERSIONS_EACH; number += 1) {
        const path = `/api/packages/interop-${number % PACKAGES}/1.0.${number}`;
        const [{ body }, proof] = [await client.get(path), (await client.get(`${path}/proof`)).text];
        const leaf = Buffer.from(leaves[body.logIndex] ?? []);
        expect(leaf.toString()).toStartWith(`cpm.version/v1 interop-${number % PACKAGES} 1.0.${number}\n`);
        expect(proves(proof, leaf, vkey)).toBe(true);
        expect(proves(proof, Buffer.from(leaves[body.logIndex + 1] ?? []), vkey)).toBe(false);
        expect(proves(proof.replace(`index ${body.logIndex}\n`, `index ${body.logIndex ^ 1}\n`), leaf, vkey)).toBe(
          false,
        );
        expect(proves(proof.replace(`${origin}\n${LEAVES}\n`, `${origin}\n${LEAVES + 1}\n`), leaf, vkey)).toBe(false);
      }
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
