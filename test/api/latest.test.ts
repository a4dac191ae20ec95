import { afterEach, beforeAll, expect, test } from "bun:test";
import { SemVer } from "semver";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, sha256 } from "../support/client.ts";
import { randomFrom } from "../support/random.ts";
import { onBothDatabases } from "../support/registry.ts";

/*
 * A publish does not read the other versions of its package if the package has a latest one. What
 * the package shows and is found by must nevertheless follow from all of its versions, in whatever
 * order they were published.
 */

const VERSIONS = ["0.9.0", "1.0.0", "1.0.1+build.7", "1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0", "3.0.0-beta.2"];
const STEPS = 16;
const SEEDS = [1, 2, 3, 4];

/**
 * Returns the highest release that is not yanked, and the version that the package shows: that
 * release, else the highest pre-release that is not yanked, else the highest version.
 */
function expectedOf(published: ReadonlyMap<string, boolean>) {
  const ordered = [...published].toSorted(([a], [b]) => new SemVer(b).compare(new SemVer(a)));
  const available = ordered.filter(([, yanked]) => !yanked).map(([version]) => version);
  const latest = available.find((version) => new SemVer(version).prerelease.length === 0);
  return { latest: latest ?? null, shown: latest ?? available[0] ?? ordered[0]?.[0], listed: available.length > 0 };
}

/** A word that resembles no other, so that a search finds it alone. */
const wordOf = (name: string, version: string) => sha256(Buffer.from(`${name} ${version}`)).slice(0, 16);

onBothDatabases("the description of a package", (registry) => {
  const key = makeKey();
  let alice: Client;
  beforeAll(async () => {
    alice = await newAccount(registry());
  });
  afterEach(() => {
    registry().now = undefined;
  });

  test.each(SEEDS)("comes from its highest version, whatever the order of publishes and yanks (%d)", async (seed) => {
    const random = randomFrom(seed);
    const name = `ordered-${seed}`;
    const published = new Map<string, boolean>();
    const left = [...VERSIONS];
    const publish = async () => {
      const [version = ""] = left.splice(random(left.length), 1);
      const manifest = { name, version, description: wordOf(name, version), tags: [wordOf(name, version)] };
      const { status } = await alice.publish(name, version, makePackage(manifest), key);
      expect([version, status]).toEqual([version, 201]);
      published.set(version, false);
    };
    const yankOrBack = async () => {
      const [version, yanked] = [...published][random(published.size)] ?? ["", false];
      const { status } = await alice.send(yanked ? "POST" : "DELETE", `/api/packages/${name}/${version}`);
      expect([version, status]).toEqual([version, 200]);
      published.set(version, !yanked);
    };
    for (let step = 0; step < STEPS; step += 1) {
      const now = new Date(Date.now() + step * 1_000);
      registry().now = now;
      if (published.size === 0 || (left.length > 0 && random(3) > 0)) await publish();
      else await yankOrBack();
      const { latest, shown = "", listed } = expectedOf(published);
      const { body } = await alice.get(`/api/packages/${name}`);
      expect([step, body.latest, body.description, body.tags]).toEqual([
        step,
        latest,
        wordOf(name, shown),
        [wordOf(name, shown)],
      ]);
      expect([step, body.updatedAt]).toEqual([step, now.toISOString()]);
      const at = body.versions.find((one: { version: string }) => one.version === latest)?.publishedAt ?? null;
      expect(body.latestPublishedAt).toBe(at);
      for (const version of published.keys()) {
        const word = wordOf(name, version);
        const totals = await Promise.all(
          ["search", "tags"].map(async (by) => (await alice.get(`/api/packages?${by}=${word}`)).body.total),
        );
        const isFound = listed && version === shown ? 1 : 0;
        expect([step, version, ...totals]).toEqual([step, version, isFound, isFound]);
      }
    }
  });
});
