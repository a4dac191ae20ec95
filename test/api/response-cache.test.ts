import { beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { packageNameParam } from "../../src/packages/find-package.ts";
import { readPackageJson } from "../../src/packages/read.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { onBothDatabases, startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const NAME = "ready";
const PATH = `/api/packages/${NAME}`;
const LOG = ["/log/checkpoint", "/log/tile/0/000.p/1", "/log/tile/entries/000.p/1"];
const PATHS = [PATH, `${PATH}/1.0.0`, `${PATH}/latest`, `${PATH}/1.0.0/download`, `${PATH}/latest/download`];
/**
 * The cache leaves cross-origin requests to the app. Without CORS_ORIGINS the app adds no header
 * for them.
 */
const UNCACHED = { origin: "https://nobody.example.org" };

const headersOf = ({ headers }: Answer) =>
  [...headers].filter(([name]) => name !== "x-request-id" && name !== "date").sort();

onBothDatabases(
  "the response cache",
  (registry) => {
    let alice: Client;
    let key: SigningKey;
    const guest = () => new Client(registry().url);
    const publish = (version: string) => alice.publish(NAME, version, makePackage({ name: NAME, version }), key);
    const logSize = async () => {
      await guest().get("/log/checkpoint");
      return Number((await guest().get("/log/checkpoint")).text.split("\n")[1]);
    };

    beforeAll(async () => {
      alice = await newAccount(registry());
      key = makeKey();
      await publish("1.0.0");
      await waitUntil(() => registry().deps.db.invalidations.isFresh, "invalidations are received");
    });

    // Downloads of an earlier test are in the documents after the next flush, whenever that is.
    beforeEach(() => registry().deps.downloads.flush());

    test.each([...PATHS, ...LOG])("%s has the same body and headers from the cache and from the app", async (path) => {
      const uncached = await guest().get(path, UNCACHED);
      await guest().get(path);
      const ready = await guest().get(path);
      expect([ready.status, ready.text]).toEqual([200, uncached.text]);
      expect(headersOf(ready)).toEqual(headersOf(uncached));
      const tag = { "if-none-match": ready.headers.get("etag") ?? "" };
      const unchanged = await guest().get(path, tag);
      const unchangedByApp = await guest().get(path, { ...tag, ...UNCACHED });
      expect([unchanged.status, unchanged.text]).toEqual([304, ""]);
      expect(headersOf(unchanged)).toEqual(headersOf(unchangedByApp));
    });

    test.each([...PATHS, ...LOG])("a HEAD of %s that gets 304 has no Content-Length", async (path) => {
      const tag = { "if-none-match": (await guest().get(path)).headers.get("etag") ?? "" };
      const { status, headers } = await guest().send("HEAD", path, undefined, tag);
      expect([status, headers.get("content-length")]).toEqual([304, null]);
    });

    test("a cached response has the request ID of its request, under /api and /api/v1", async () => {
      for (const path of [PATH, PATH.replace("/api/", "/api/v1/")]) {
        await guest().get(path);
        const { headers } = await guest().get(path, { "x-request-id": "mine-42" });
        expect(headers.get("x-request-id")).toBe("mine-42");
      }
    });

    test("every change of a package is in the next response", async () => {
      const url = `${PATH}/1.1.0`;
      const steps: readonly (readonly [what: string, change: () => Promise<Answer>])[] = [
        ["a version", () => publish("1.1.0")],
        ["a yank", () => alice.send("DELETE", url, { reason: "broken" })],
        ["its undoing", () => alice.post(url)],
        ["a status", () => alice.send("PUT", `${PATH}/status`, { status: "deprecated", message: "use another" })],
        ["its end", () => alice.send("PUT", `${PATH}/status`, { status: "active" })],
      ];
      for (const [what, change] of steps) {
        const before = await Promise.all([guest().get(PATH), guest().get(PATH)]);
        const sizeBefore = await logSize();
        const changed = await change();
        expect([what, changed.status < 300]).toEqual([what, true]);
        const after = await guest().get(PATH);
        expect([what, after.headers.get("etag") === before[1].headers.get("etag")]).toEqual([what, false]);
        expect(after.text).toBe((await guest().get(PATH, UNCACHED)).text);
        expect(after.text).toBe(await readPackageJson(registry().deps, packageNameParam(NAME)));
        // Of these changes only a status adds no leaf to the log.
        expect([what, (await logSize()) > sizeBefore]).toEqual([what, changed.body.signature !== undefined]);
      }
    });

    test("downloads from the cache are counted once per client and visible after the next flush", async () => {
      const path = `${PATH}/1.0.0/download`;
      await registry().deps.downloads.flush();
      const before = (await guest().get(PATH)).body.downloads;
      const from = (at: number) => ({ "x-forwarded-for": `192.0.2.${at}` });
      for (let at = 0; at < 7; at += 1) for (const _ of [1, 2]) await guest().get(path, from(at));
      await guest().get(path, {
        ...from(8),
        "if-none-match": (await guest().get(path, from(7))).headers.get("etag") ?? "",
      });
      await registry().deps.downloads.flush();
      expect((await guest().get(PATH)).body.downloads).toBe(before + 8);
    });

    test("a range request of a document gets the whole document", async () => {
      const whole = await guest().get(PATH);
      for (const range of ["bytes=0-1", "lines=1"]) {
        const { status, text } = await guest().get(PATH, { range });
        expect([status, text]).toEqual([200, whole.text]);
      }
      expect((await guest().get(`${PATH}/1.1.0/download`, { range: "bytes=0-1" })).status).toBe(206);
    });

    test("a version is cached only under its own number, whatever build metadata the request adds", async () => {
      const { responseCache } = registry().deps;
      for (const rest of ["", "/download"]) {
        const aliases = [1, 2, 3].map((n) => `${PATH}/1.1.0%2Balias${n}${rest}`);
        for (const path of aliases) expect((await guest().get(path)).status).toBe(200);
        for (const path of aliases) expect(responseCache?.cachedBody(path)).toBeUndefined();
        // An invalidation meanwhile, such as of counted downloads, keeps an answer out of the cache.
        await waitUntil(async () => {
          await guest().get(`${PATH}/1.1.0${rest}`);
          return responseCache?.cachedBody(`${PATH}/1.1.0${rest}`) !== undefined;
        }, "the answer is cached");
      }
    });

    test("a quarantined version is not sent from the cache", async () => {
      const path = `${PATH}/1.0.0/download`;
      for (let time = 0; time < 3; time += 1) expect((await guest().get(path)).status).toBe(200);
      const { quarantineVersion } = await import("../../src/moderation/quarantine.ts");
      const { OPERATOR } = await import("../../src/audit/record-event.ts");
      await quarantineVersion(registry().deps, OPERATOR, packageNameParam(NAME), "1.0.0", {
        reason: "looked at",
        category: undefined,
      });
      expect((await guest().get(path)).body.code).toBe("quarantined");
    });
  },
  { env: { TRUSTED_PROXIES: "127.0.0.1" } },
);

/** Runs `work` on a new registry with these settings and one package. */
async function apart(
  env: Readonly<Record<string, string>>,
  work: (registry: TestRegistry, alice: Client) => Promise<void>,
): Promise<void> {
  const registry = await startRegistry("sqlite", { env });
  try {
    const alice = await newAccount(registry);
    await alice.publish(NAME, "1.0.0", makePackage({ name: NAME, version: "1.0.0" }), makeKey());
    await work(registry, alice);
  } finally {
    await registry.stop();
  }
}

describe("a registry under a path", () => {
  test("caches a document for requests with and without the path prefix, and for no other prefix", () =>
    apart({ PUBLIC_URL: "https://example.org/reg" }, async ({ deps, url }) => {
      await waitUntil(() => deps.db.invalidations.isFresh, "invalidations are received");
      const guest = new Client(url);
      const before = await Promise.all([PATH, `/reg${PATH}`, `/xyz${PATH}`].map((path) => guest.get(path)));
      expect(before.map(({ status }) => status)).toEqual([200, 200, 404]);
      expect(deps.responseCache?.cachedBody(PATH)).toBeDefined();
      // This change invalidates nothing, so the text shows whether cache or database answered.
      await deps.db.write((session) => session.query.update(session.tables.packages).set({ description: "changed" }));
      const after = await Promise.all([PATH, `/reg${PATH}`, `/xyz${PATH}`].map((path) => guest.get(path)));
      expect(after.map(({ status }) => status)).toEqual([200, 200, 404]);
      for (const { text } of after.slice(0, 2)) expect(text).toBe(before[0]?.text ?? "");
    }));
});

describe("where responses differ between clients", () => {
  test("a private registry caches no response", () =>
    apart({ READ_ACCESS: "authenticated" }, async ({ url }, alice) => {
      for (const path of [...PATHS, ...LOG]) {
        expect((await alice.get(path)).status).toBe(200);
        expect((await new Client(url).get(path)).status).toBe(401);
      }
    }));

  const origin = "https://dashboard.example.org";
  test("an allowed origin gets its CORS headers, and requests without Origin get none", () =>
    apart({ CORS_ORIGINS: origin }, async ({ url }) => {
      const guest = new Client(url);
      const without = await guest.get(PATH, UNCACHED);
      for (let time = 0; time < 2; time += 1) {
        expect((await guest.get(PATH, { origin })).headers.get("access-control-allow-origin")).toBe(origin);
        expect(headersOf(await guest.get(PATH))).toEqual(headersOf(without));
      }
    }));
});
