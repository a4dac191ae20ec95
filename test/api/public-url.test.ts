import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LinkVariants } from "../../src/http/links.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

/* Without PUBLIC_URL, a server that others reach builds links from the address that they used. */

const ELSEWHERE = "reg.example.org:8080";
let registry: TestRegistry;
let publisher: Client;
const key = makeKey();

beforeAll(async () => {
  registry = await startRegistry("sqlite", { env: { HOST: "0.0.0.0", PUBLIC_URL: "" } });
  publisher = await newAccount(registry);
  const archive = makePackage({ name: "linked", version: "1.0.0" });
  const published = await publisher.publish("linked", "1.0.0", archive, key);
  expect(published.status).toBe(201);
});
afterAll(async () => registry.stop());

const urlOf = async (host: string, path = "/api/packages/linked/1.0.0") =>
  (await new Client(registry.url).get(path, { host })).body;

describe("without PUBLIC_URL on all addresses", () => {
  test("the links of a document have the host of its request, also from the response cache", async () => {
    for (const host of [ELSEWHERE, "192.0.2.7:5000", "[2001:db8::1]:5000", "other", ELSEWHERE]) {
      for (let time = 0; time < 3; time += 1) {
        const version = await urlOf(host);
        expect(version.downloadUrl).toBe(`http://${host}/api/packages/linked/1.0.0/download`);
        const { versions } = await urlOf(host, "/api/packages/linked");
        expect(versions[0].proofUrl).toBe(`http://${host}/api/packages/linked/1.0.0/proof`);
      }
    }
  });

  test("more invented hosts than the cache tells apart change nobody's links", async () => {
    for (let at = 0; at < 40; at += 1) {
      expect((await urlOf(`h${at}`)).downloadUrl).toStartWith(`http://h${at}/`);
    }
    expect((await urlOf(ELSEWHERE)).downloadUrl).toStartWith(`http://${ELSEWHERE}/`);
    expect((await urlOf("localhost")).downloadUrl).toStartWith("http://localhost:0/");
  });

  test("invented hosts keep those of others out of the cache for a minute only", () => {
    let nowMs = 1_000_000;
    const variants = new LinkVariants(() => nowMs);
    const isCached = (host: string) => {
      const request = new Request(`http://${host}/api/packages/linked`, { headers: { host } });
      const config = { publicUrl: "http://localhost:0", followsHost: true };
      return variants.pathFor(config, request, "/api/packages/linked") !== undefined;
    };
    const invented = Array.from({ length: 20 }, (_, at) => isCached(`h${at}`));
    expect([invented.filter(Boolean).length, isCached(ELSEWHERE)]).toEqual([8, false]);
    nowMs += 61_000;
    expect([isCached(ELSEWHERE), isCached("h0")]).toEqual([true, true]);
  });

  test("a package called download has the links of each request too", async () => {
    const archive = makePackage({ name: "download", version: "1.0.0" });
    expect((await publisher.publish("download", "1.0.0", archive, key)).status).toBe(201);
    for (const host of ["evil.example", "localhost", ELSEWHERE]) {
      const { versions } = await urlOf(host, "/api/packages/download");
      expect(versions[0].proofUrl).toStartWith(`http://${host === "localhost" ? "localhost:0" : host}/`);
    }
  });

  test.each(["a b", "evil.example/x", "a@evil.example", "evil.example#", "x:99999999", "<script>", "localhost:1234"])(
    "a Host header that is no plain address, or is this machine, does not get into links: %s",
    async (host) => {
      const response = await new Client(registry.url).get("/api/packages/linked/1.0.0", { host });
      if (response.status === 200) expect(response.body.downloadUrl).toStartWith("http://localhost:0/");
      expect((await urlOf(ELSEWHERE)).downloadUrl).toStartWith(`http://${ELSEWHERE}/`);
    },
  );

  test("Link and Location have the host of the request", async () => {
    const list = await new Client(registry.url).get("/api/packages?pageSize=1", { host: ELSEWHERE });
    expect(list.headers.get("link")).toContain(`<http://${ELSEWHERE}/api/packages?`);
    const yanked = await publisher.send("DELETE", "/api/packages/linked/1.0.0", {}, { host: ELSEWHERE });
    expect(yanked.body.downloadUrl).toStartWith(`http://${ELSEWHERE}/`);
    expect((await urlOf(ELSEWHERE)).yanked).toBe(true);
  });

  test("the statement that registers a key does not depend on the host", async () => {
    const { publicHex } = makeKey();
    const asked = await publisher.post("/api/auth/keys/challenge", { publicKey: publicHex }, { host: "evil.example" });
    expect(asked.text).not.toContain("evil.example");
  });
});

test("with PUBLIC_URL no link depends on the host", async () => {
  const other = await startRegistry("sqlite", { env: { HOST: "0.0.0.0" } });
  try {
    const list = await new Client(other.url).get("/api/packages?pageSize=1", { host: ELSEWHERE });
    expect(list.headers.get("link") ?? "").not.toContain(ELSEWHERE);
    expect((await new Client(other.url).get("/swagger/json", { host: ELSEWHERE })).text).not.toContain(ELSEWHERE);
  } finally {
    await other.stop();
  }
});
