import { beforeAll, describe, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { onBothDatabases, startRegistry } from "../support/registry.ts";

const NAME = "ready";
const PATH = `/api/packages/${NAME}`;
const LOG = ["/log/checkpoint", "/log/tile/0/000.p/1", "/log/tile/entries/000.p/1"];
const PATHS = [PATH, `${PATH}/1.0.0`, `${PATH}/latest`, `${PATH}/1.0.0/download`, `${PATH}/latest/download`];
/** No prepared answer is given to a request with a range; documents have none, and this one means nothing. */
const UNPREPARED = { range: "lines=1" };

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
    while (!registry().deps.db.changes.areKnown) await Bun.sleep(20);
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

  test("a package that is held back is not given out of memory", async () => {
    const path = `${PATH}/1.0.0/download`;
    for (let time = 0; time < 3; time += 1) expect((await guest().get(path)).status).toBe(200);
    const { quarantineVersion } = await import("../../src/moderation/quarantine.ts");
    const { OPERATOR } = await import("../../src/events/record-event.ts");
    const { packageNameParam } = await import("../../src/packages/find-package.ts");
    await quarantineVersion(registry().deps, OPERATOR, packageNameParam(NAME), "1.0.0", "looked at");
    expect((await guest().get(path)).body.code).toBe("quarantined");
  });
});

describe("where answers are not for everybody", () => {
  test("a private registry keeps none", async () => {
    const registry = await startRegistry("sqlite", { env: { READ_ACCESS: "authenticated" } });
    try {
      const alice = await newAccount(registry);
      await alice.publish(NAME, "1.0.0", makePackage({ name: NAME, version: "1.0.0" }), makeKey());
      for (const path of [...PATHS, ...LOG]) {
        expect((await alice.get(path)).status).toBe(200);
        expect((await new Client(registry.url).get(path)).status).toBe(401);
      }
    } finally {
      await registry.stop();
    }
  });

  test("pages of allowed origins get what CORS wants, others and guests what they got before", async () => {
    const origin = "https://dashboard.example.org";
    const registry = await startRegistry("sqlite", { env: { CORS_ORIGINS: origin } });
    try {
      const alice = await newAccount(registry);
      await alice.publish(NAME, "1.0.0", makePackage({ name: NAME, version: "1.0.0" }), makeKey());
      const guest = new Client(registry.url);
      const without = await guest.get(PATH, UNPREPARED);
      for (let time = 0; time < 2; time += 1) {
        expect((await guest.get(PATH, { origin })).headers.get("access-control-allow-origin")).toBe(origin);
        expect(headersOf(await guest.get(PATH))).toEqual(headersOf(without));
      }
    } finally {
      await registry.stop();
    }
  });
});
