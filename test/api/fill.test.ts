import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Drafts } from "../../scripts/fill/drafts.ts";
import { fillDatabase } from "../../scripts/fill/into-database.ts";
import { fillOverHttp } from "../../scripts/fill/over-http.ts";
import { planRegistry } from "../../scripts/fill/plan.ts";
import { checkStore } from "../../src/maintenance/check-store.ts";
import { auditLog } from "../../src/verify/audit.ts";
import { KnownKeys } from "../../src/verify/known-keys.ts";
import { RegistryClient } from "../../src/verify/registry-client.ts";
import { SeenLogs } from "../../src/verify/seen-logs.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, type Json, PASSWORD, sha256 } from "../support/client.ts";
import { type DatabaseKind, startRegistry, type TestRegistry } from "../support/registry.ts";

const [SEED, PACKAGES, VERSIONS] = [7, 60, 160];
const env = { PUBLISH_LIMITS: "off" };
const quiet = () => undefined;
const drafts = () => new Drafts(SEED, planRegistry(SEED, PACKAGES, VERSIONS));

/**
 * Removes times, counts and log indexes from an answer, because they depend on the order of
 * publishing.
 */
const OF_THE_MOMENT = /^(addedAt|createdAt|updatedAt|previous|publishedAt|latestPublishedAt|downloads|logIndex|since)$/;

function timeless(body: Json): Json {
  return JSON.parse(JSON.stringify(body, (key, value) => (OF_THE_MOMENT.test(key) ? undefined : value)));
}

async function audited({ url, dataDir }: TestRegistry, archives: boolean) {
  const client = new RegistryClient(url, undefined);
  const trust = {
    client,
    seenLogs: new SeenLogs(join(dataDir, "seen")),
    knownKeys: new KnownKeys(join(dataDir, "known-keys.json")),
    vkey: undefined,
    policy: undefined,
    now: new Date(),
  };
  const { checks, problems, size } = await auditLog(client, trust, { archives, report: quiet });
  return { size, problems, failed: checks.filter(({ result }) => result === "failed") };
}

test("a plan with more versions than its packages may have is refused, and the fullest plan ends", () => {
  expect(() => planRegistry(1, 1, 500)).toThrow("--versions must be from 1 to 400 with --packages 1");
  expect(() => planRegistry(1, 10, 9)).toThrow("--versions must be from 10 to 4000");
  for (const [packages, versions] of [
    [1, 400],
    [2, 700],
    [3, 1_200],
  ] as const) {
    const { countOf } = planRegistry(1, packages, versions);
    expect(countOf.reduce((sum, count) => sum + count, 0)).toBe(versions);
    expect(Math.max(...countOf)).toBeLessThanOrEqual(400);
  }
});

for (const kind of ["sqlite", "postgres"] as const satisfies DatabaseKind[]) {
  describe(`a filled registry (${kind})`, () => {
    const { names, plan } = drafts();
    const started: TestRegistry[] = [];
    const registryAt = (at: number) => () => {
      const registry = started[at];
      if (registry === undefined) throw new Error("The registries are not started yet");
      return registry;
    };
    const [own, pooled, published] = [registryAt(0), registryAt(1), registryAt(2)];
    const get = (of: () => TestRegistry, path: string) => new Client(of().url).get(path);

    beforeAll(async () => {
      for (const _ of [1, 2, 3]) started.push(await startRegistry(kind, { env }));
      await fillDatabase(own().deps.config, drafts(), "own", quiet);
      await fillDatabase(pooled().deps.config, drafts(), "pool", quiet);
      await fillOverHttp(published().url, drafts(), 4, quiet);
    });
    afterAll(async () => {
      for (const registry of started) await registry.stop();
    });

    test("a filled registry has packages, owners, keys, contents and tags as after publishing", async () => {
      for (const name of names) {
        const address = `/api/packages/${name}`;
        const shown = await get(own, address);
        const version = encodeURIComponent(shown.body.versions.at(-1).version);
        const parts = [
          "owners",
          "keys",
          ...["", "/files", "/readme", "/manifest", "/values"].map((of) => version + of),
        ];
        for (const path of [address, ...parts.map((part) => `${address}/${part}`)]) {
          const [filled, real] = [await get(own, path), await get(published, path)];
          expect([path, filled.status, timeless(filled.body ?? filled.text)]).toEqual([
            path,
            real.status,
            timeless(real.body ?? real.text),
          ]);
        }
      }
    });

    test("a filled registry with shared archives differs from one with own archives only in digests, sizes and signatures", async () => {
      const withoutArchives = (body: Json) =>
        JSON.stringify(timeless(body), (key, value) => (/^(sha256|size|value)$/.test(key) ? undefined : value));
      for (const name of names) {
        const address = `/api/packages/${name}`;
        const [shared, alone] = [await get(pooled, address), await get(own, address)];
        expect(withoutArchives(shared.body)).toBe(withoutArchives(alone.body));
      }
    });

    test("a filled registry lists and finds its packages as published ones", async () => {
      const words = names.flatMap((name) => name.split(/[-_.]/)).slice(0, 60);
      const tags = (await get(own, "/api/packages?pageSize=100")).body.items.flatMap((item: Json) => item.tags);
      const questions = [
        ...["", "page=3", ...[...new Set(words)].map((word) => `search=${word}`)],
        ...[...new Set<string>(tags)].slice(0, 20).map((tag) => `tags=${tag}`),
        ...[0, 1, 2].map((account) => `author=${drafts().account(account).username}`),
      ];
      for (const question of questions) {
        const path = `/api/packages?${question}&sort=name&pageSize=100`;
        const [filled, real] = [await get(own, path), await get(published, path)];
        expect([path, timeless(filled.body)]).toEqual([path, timeless(real.body)]);
      }
      expect((await get(own, "/api/packages?pageSize=1")).body.total).toBeGreaterThan(PACKAGES * 0.8);
    });

    test("a filled registry counts a package's downloads as the sum of its versions, and serves every archive", async () => {
      for (const of of [own, pooled]) {
        for (const name of names.slice(0, 40)) {
          const { downloads, versions } = (await get(of, `/api/packages/${name}`)).body;
          expect(versions.reduce((sum: number, one: Json) => sum + one.downloads, 0)).toBe(downloads);
          const { downloadUrl, sha256: digest } = versions[0];
          const bytes = await fetch(of().url + new URL(downloadUrl).pathname).then((answer) => answer.bytes());
          expect(sha256(bytes)).toBe(digest);
        }
      }
    });

    test("fsck and an audit of the log find no fault in a filled registry", async () => {
      for (const registry of [own(), pooled()]) {
        const { problems, checked } = await checkStore(registry.deps, { repair: false, report: quiet });
        expect([checked.count, problems.items]).toEqual([VERSIONS, []]);
        const yanked = Array.from({ length: VERSIONS }, (_, at) => plan.yankedAt(at)).filter((at) => at !== null);
        const { size, ...found } = await audited(registry, registry.url === own().url);
        expect(found).toEqual({ problems: [], failed: [] });
        expect(size).toBe(VERSIONS + yanked.length);
      }
    });

    test("a name that looks like that of a filled account is refused as after registering", async () => {
      for (const of of [own, published]) {
        const username = `${drafts().account(0).username.slice(0, -1)}o`;
        const { status, body } = await new Client(of().url).post("/api/auth/register", {
          ...{ username, email: "look-alike@example.org", password: PASSWORD },
        });
        expect([status, body.code]).toEqual([409, "username_too_similar"]);
      }
    });

    test("accounts of a filled registry log in and publish more versions", async () => {
      const name = names[0] ?? "";
      const { key, username } = drafts().account(drafts().package(0).owners[0]);
      for (const of of [own, pooled]) {
        const { body } = await new Client(of().url).post("/api/auth/login", { username, password: PASSWORD });
        const publisher = new Client(of().url, body.token, username);
        const answer = await publisher.publish(name, "99.0.0", makePackage({ name, version: "99.0.0" }), key);
        expect([answer.status, answer.body.version]).toEqual([201, "99.0.0"]);
        expect((await get(of, `/api/packages?search=${name}`)).body.items[0]).toMatchObject({ name, latest: "99.0.0" });
      }
    });
  });
}
