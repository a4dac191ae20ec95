import { beforeAll, describe, expect, test } from "bun:test";
import { packageNameParam } from "../../src/packages/find-package.ts";
import { readPackage } from "../../src/packages/read.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { onBothDatabases, startRegistry, type TestRegistry } from "../support/registry.ts";

const NAME = "ready";
const PATH = `/api/packages/${NAME}`;
const LOG = ["/log/checkpoint", "/log/tile/0/000.p/1", "/log/tile/entries/000.p/1"];
const PATHS = [PATH, `${PATH}/1.0.0`, `${PATH}/latest`, `${PATH}/1.0.0/download`, `${PATH}/latest/download`];
/** Pages of other origins are answered by the app, where nothing allows them anything. */
const UNPREPARED = { origin: "https://nobody.example.org" };

const headersOf = ({ headers }: Answer) =>
  [...headers].filter(([name]) => name !== "x-request-id" && name !== "date").sort();

onBothDatabases("answers that are kept ready", (registry) => {
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
    while (!registry().deps.db.invalidations.isFresh) await Bun.sleep(20);
  });

  test.each([...PATHS, ...LOG])("%s is the same from memory and from the app, to the last header", async (path) => {
    const unprepared = await guest().get(path, UNPREPARED);
    await guest().get(path);
    const ready = await guest().get(path);
    expect([ready.status, ready.text]).toEqual([200, unprepared.text]);
    expect(headersOf(ready)).toEqual(headersOf(unprepared));
    const tag = { "if-none-match": ready.headers.get("etag") ?? "" };
    const unchanged = await guest().get(path, tag);
    const unchangedByApp = await guest().get(path, { ...tag, ...UNPREPARED });
    expect([unchanged.status, unchanged.text]).toEqual([304, ""]);
    expect(headersOf(unchanged)).toEqual(headersOf(unchangedByApp));
  });

  test.each([...PATHS, ...LOG])(
    "a HEAD of %s that is answered with 304 tells no length of what is not there",
    async (path) => {
      const tag = { "if-none-match": (await guest().get(path)).headers.get("etag") ?? "" };
      const { status, headers } = await guest().send("HEAD", path, undefined, tag);
      expect([status, headers.get("content-length")]).toEqual([304, null]);
    },
  );

  test("a request keeps its id, under every address of the API", async () => {
    for (const path of [PATH, PATH.replace("/api/", "/api/v1/")]) {
      await guest().get(path);
      const { headers } = await guest().get(path, { "x-request-id": "mine-42" });
      expect(headers.get("x-request-id")).toBe("mine-42");
    }
  });

  test("every change is in the next answer", async () => {
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
      expect(after.text).toBe((await guest().get(PATH, UNPREPARED)).text);
      expect(after.text).toBe(JSON.stringify(await readPackage(registry().deps, packageNameParam(NAME))));
      // Only a status is no leaf of the log.
      expect([what, (await logSize()) > sizeBefore]).toEqual([what, changed.body.signature !== undefined]);
    }
  });

  test("downloads from memory are counted, and shown with the next flush", async () => {
    const path = `${PATH}/1.0.0/download`;
    await registry().deps.downloads.flush();
    const before = (await guest().get(PATH)).body.downloads;
    for (let time = 0; time < 7; time += 1) await guest().get(path);
    await guest().get(path, { "if-none-match": (await guest().get(path)).headers.get("etag") ?? "" });
    await registry().deps.downloads.flush();
    expect((await guest().get(PATH)).body.downloads).toBe(before + 8);
  });

  test("a document has no ranges: who asks for one gets what everybody gets", async () => {
    const whole = await guest().get(PATH);
    for (const range of ["bytes=0-1", "lines=1"]) {
      const { status, text } = await guest().get(PATH, { range });
      expect([status, text]).toEqual([200, whole.text]);
    }
    expect((await guest().get(`${PATH}/1.1.0/download`, { range: "bytes=0-1" })).status).toBe(206);
  });

  test("a version is kept under its own number alone, whatever build metadata it is asked for with", async () => {
    const { prepared } = registry().deps;
    for (const rest of ["", "/download"]) {
      const aliases = [1, 2, 3].map((n) => `${PATH}/1.1.0%2Balias${n}${rest}`);
      for (const path of aliases) expect((await guest().get(path)).status).toBe(200);
      for (const path of aliases) expect(prepared?.document(path)).toBeUndefined();
      await guest().get(`${PATH}/1.1.0${rest}`);
      expect(prepared?.document(`${PATH}/1.1.0${rest}`)).toBeDefined();
    }
  });

  test("a package that is held back is not given out of memory", async () => {
    const path = `${PATH}/1.0.0/download`;
    for (let time = 0; time < 3; time += 1) expect((await guest().get(path)).status).toBe(200);
    const { quarantineVersion } = await import("../../src/moderation/quarantine.ts");
    const { OPERATOR } = await import("../../src/audit/record-event.ts");
    await quarantineVersion(registry().deps, OPERATOR, packageNameParam(NAME), "1.0.0", "looked at");
    expect((await guest().get(path)).body.code).toBe("quarantined");
  });
});

/** Runs `work` with a registry of its own, which has these settings and the package. */
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
  test("keeps answers for those that come with the path and those whose proxy took it off, and for no other", () =>
    apart({ PUBLIC_URL: "https://example.org/reg" }, async ({ deps, url }) => {
      while (!deps.db.invalidations.isFresh) await Bun.sleep(20);
      const guest = new Client(url);
      const before = await Promise.all([PATH, `/reg${PATH}`, `/xyz${PATH}`].map((path) => guest.get(path)));
      expect(before.map(({ status }) => status)).toEqual([200, 200, 404]);
      expect(deps.prepared?.document(PATH)).toBeDefined();
      // What is wrong in the database shows who was asked.
      await deps.db.write((session) => session.query.update(session.tables.packages).set({ description: "changed" }));
      const after = await Promise.all([PATH, `/reg${PATH}`, `/xyz${PATH}`].map((path) => guest.get(path)));
      expect(after.map(({ status }) => status)).toEqual([200, 200, 404]);
      for (const { text } of after.slice(0, 2)) expect(text).toBe(before[0]?.text ?? "");
    }));
});

describe("where answers are not for everybody", () => {
  test("a private registry keeps none", () =>
    apart({ READ_ACCESS: "authenticated" }, async ({ url }, alice) => {
      for (const path of [...PATHS, ...LOG]) {
        expect((await alice.get(path)).status).toBe(200);
        expect((await new Client(url).get(path)).status).toBe(401);
      }
    }));

  const origin = "https://dashboard.example.org";
  test("pages of allowed origins get what CORS wants, others and guests what they got before", () =>
    apart({ CORS_ORIGINS: origin }, async ({ url }) => {
      const guest = new Client(url);
      const without = await guest.get(PATH, UNPREPARED);
      for (let time = 0; time < 2; time += 1) {
        expect((await guest.get(PATH, { origin })).headers.get("access-control-allow-origin")).toBe(origin);
        expect(headersOf(await guest.get(PATH))).toEqual(headersOf(without));
      }
    }));
});
