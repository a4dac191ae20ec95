import { beforeAll, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { acceptsGzip } from "../../src/http/content-encoding.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

test.each([
  [null, false],
  ["", false],
  ["identity", false],
  ["gzip", true],
  ["GZIP;q=0.5", true],
  ["br, gzip ; q=1.0", true],
  ["gzip;q=0", false],
  ["gzip;q=0, *", false],
  ["*", true],
  ["*;q=0", false],
  ["br, zstd", false],
])("Accept-Encoding %p allows gzip: %p", (header, allowed) => expect(acceptsGzip(header)).toBe(allowed));

for (const access of ["public", "authenticated"]) {
  onBothDatabases(
    `compressed answers, reads are ${access}`,
    (registry) => {
      let owner: Client;
      const key = makeKey();
      const publish = async (version: string) => {
        const readme = `# Long\n${"A line that repeats itself. ".repeat(200)}`;
        const draft = {
          name: "long",
          version,
          description: "d".repeat(2_000),
          readme,
          files: { "big.bin": "\0".repeat(5_000) },
        };
        expect((await owner.publish("long", version, makePackage(draft), key)).status).toBe(201);
      };
      const ask = async (path: string, headers: Record<string, string> = {}) => {
        const authorization = access === "public" ? {} : { authorization: `Bearer ${owner.token}` };
        const response = await fetch(registry().url + path, {
          headers: { ...authorization, "accept-encoding": "identity", ...headers },
          decompress: false,
        });
        const bytes = Buffer.from(await response.arrayBuffer());
        return { status: response.status, headers: response.headers, bytes };
      };
      const GZIP = { "accept-encoding": "br;q=1.0, gzip;q=0.8" };

      beforeAll(async () => {
        owner = await newAccount(registry());
        await publish("1.0.0");
      });

      const LONG = ["", "/1.0.0", "/1.0.0/readme", "/1.0.0/files/README.md"];
      test.each([...LONG.map((rest) => `/api/packages/long${rest}`), "/api/packages?pageSize=5", "/swagger/json"])(
        "%s is compressed for clients that accept it, with the same contents",
        async (path) => {
          for (const _ of [1, 2, 3]) {
            const plain = await ask(path);
            const packed = await ask(path, GZIP);
            expect([plain.status, packed.status]).toEqual([200, 200]);
            expect(plain.headers.get("content-encoding")).toBeNull();
            expect(packed.headers.get("content-encoding")).toBe("gzip");
            expect(packed.headers.get("content-type")).toBe(plain.headers.get("content-type") ?? "");
            expect(Number(packed.headers.get("content-length"))).toBe(packed.bytes.length);
            expect(packed.bytes.length).toBeLessThan(plain.bytes.length);
            expect(gunzipSync(packed.bytes).equals(plain.bytes)).toBe(true);
            expect(packed.headers.get("vary")).toContain("Accept-Encoding");
            const etag = plain.headers.get("etag");
            expect(packed.headers.get("etag")).toBe(etag?.replace(/"$/, '-gzip"') ?? null);
          }
        },
      );

      test("both forms are revalidated by their own tags, and either tag says that the document is the same", async () => {
        const path = "/api/packages/long";
        const plain = (await ask(path)).headers.get("etag") ?? "";
        const packed = (await ask(path, GZIP)).headers.get("etag") ?? "";
        expect(packed).not.toBe(plain);
        for (const [etag, answered] of [
          [plain, plain],
          [packed, packed],
          [`W/${packed}`, expect.any(String)],
        ] as const) {
          for (const headers of [GZIP, {}]) {
            const answer = await ask(path, { ...headers, "if-none-match": etag });
            expect([answer.status, answer.headers.get("etag"), answer.bytes.length]).toEqual([304, answered, 0]);
            expect(answer.headers.get("content-encoding")).toBeNull();
          }
        }
        expect((await ask(path, { "if-none-match": '"other-gzip"' })).status).toBe(200);
      });

      test("a publish replaces both forms at once", async () => {
        const path = "/api/packages/long";
        for (const version of ["1.1.0", "1.2.0"]) {
          const before = (await ask(path, GZIP)).headers.get("etag");
          await publish(version);
          const [packed, plain] = [await ask(path, GZIP), await ask(path)];
          expect(packed.headers.get("etag")).not.toBe(before);
          expect(JSON.parse(gunzipSync(packed.bytes).toString()).latest).toBe(version);
          expect(gunzipSync(packed.bytes).equals(plain.bytes)).toBe(true);
        }
      });

      test("short answers, archives, other files and answers to HEAD are sent as they are", async () => {
        for (const path of [
          "/health/live",
          "/api/packages/long/1.0.0/download",
          "/api/packages/long/1.0.0/files/big.bin",
        ]) {
          const answer = await ask(path, GZIP);
          expect([path, answer.status, answer.headers.get("content-encoding")]).toEqual([path, 200, null]);
        }
      });
    },
    { env: { READ_ACCESS: access, PUBLISH_LIMITS: "off" } },
  );
}
