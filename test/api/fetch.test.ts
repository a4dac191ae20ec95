import { beforeAll, expect, test } from "bun:test";
import { createPublicKey, verify } from "node:crypto";
import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { goStyleArchive, makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, sha256, statementOf } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

const README = "# Fetch\n\n<script>alert(1)</script> ünïcode ✓\n";
/** 288,000 bytes that gzip cannot compress. */
const NOISE = Buffer.concat(Array.from({ length: 9_000 }, (_, at) => Buffer.from(sha256(Buffer.from(`${at}`)), "hex")));
const ARCHIVE = makePackage({
  name: "fetched",
  version: "1.0.0+b.1",
  readme: README,
  files: { "values.yaml": "size: 1 # one\n", "big.bin": NOISE },
});
const SIZE = ARCHIVE.length;
const TAG = `"${sha256(ARCHIVE)}"`;
const DOWNLOAD = "/api/packages/fetched/1.0.0/download";
const DOCUMENTS = [
  "",
  "/1.0.0",
  "/1.0.0/files",
  "/1.0.0/readme",
  "/1.0.0/manifest",
  "/1.0.0/values",
  "/1.0.0/signature",
];

onBothDatabases(
  "fetch",
  (registry) => {
    let publisher: Client;
    const key = makeKey();
    const guest = () => new Client(registry().url);
    const download = async (headers: Record<string, string> = {}, method = "GET") => {
      const response = await fetch(registry().url + DOWNLOAD, { method, headers });
      return {
        status: response.status,
        headers: response.headers,
        bytes: new Uint8Array(await response.arrayBuffer()),
      };
    };
    const digestOf = (bytes: Uint8Array) => `${bytes.length} ${sha256(bytes)}`;

    beforeAll(async () => {
      publisher = await newAccount(registry());
      const bare = goStyleArchive({ "colony.yaml": "apiVersion: v1\nname: bare\nversion: 1.0.0\ndescription: x\n" });
      const answers = [
        await publisher.publish("fetched", "1.0.0+b.1", ARCHIVE, key),
        await publisher.publish("bare", "1.0.0", bare, key),
      ];
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    });

    test("a download has the published bytes, and every header that a client may check them by", async () => {
      const { status, headers, bytes } = await download();
      expect([status, digestOf(bytes)]).toEqual([200, digestOf(ARCHIVE)]);
      expect(headers.get("content-type")).toBe("application/gzip");
      expect(headers.get("content-encoding")).toBeNull();
      expect(headers.get("content-length")).toBe(String(SIZE));
      expect(headers.get("accept-ranges")).toBe("bytes");
      expect(headers.get("etag")).toBe(TAG);
      expect(headers.get("repr-digest")).toBe(`sha-256=:${Buffer.from(sha256(ARCHIVE), "hex").toString("base64")}:`);
      expect(headers.get("x-checksum-sha256")).toBe(sha256(ARCHIVE));
      expect(headers.get("content-disposition")).toBe('attachment; filename="fetched-1.0.0+b.1.cpm"');
      expect(headers.get("cache-control")).toMatch(/^public, max-age=\d{7,}, immutable$/);
    });

    test("a download of latest is not cached for ever", async () => {
      const { headers } = await guest().get("/api/packages/fetched/latest/download");
      expect([headers.get("etag"), headers.get("cache-control")]).toEqual([TAG, "no-cache"]);
    });

    test("HEAD of a download answers as GET does, without a body, with and without a Range", async () => {
      const whole = await download();
      for (const range of [{}, { range: "bytes=0-9" }, { range: `bytes=${SIZE}-` }, { range: "bytes=9-2" }] as const) {
        const { status, headers, bytes } = await download(range, "HEAD");
        expect([status, bytes.length]).toEqual([200, 0]);
        for (const name of [
          "content-length",
          "content-type",
          "etag",
          "accept-ranges",
          "repr-digest",
          "cache-control",
        ]) {
          expect([range, name, headers.get(name)]).toEqual([range, name, whole.headers.get(name)]);
        }
        expect(headers.get("content-range")).toBeNull();
      }
    });

    test("HEAD of every document has the length of its body, and answers 404 for a missing one", async () => {
      for (const path of DOCUMENTS.map((document) => `/api/packages/fetched${document}`).concat(
        "/api/packages",
        "/health",
      )) {
        // HEAD tells of the document as it is, GET compresses it for whom accepts that.
        const got = await guest().get(path, { "accept-encoding": "identity" });
        const head = await fetch(registry().url + path, { method: "HEAD" });
        const length = String(Buffer.byteLength(got.text));
        const seen = [
          path,
          head.status,
          head.headers.get("content-length"),
          head.headers.get("etag"),
          await head.text(),
        ];
        expect(seen).toEqual([path, 200, length, got.headers.get("etag"), ""]);
      }
      const missing = await fetch(`${registry().url}/api/packages/unheard-of`, { method: "HEAD" });
      expect([missing.status, await missing.text()]).toEqual([404, ""]);
    });

    const MATCHES = [TAG, `W/${TAG}`, "*", " * ", `"a", ${TAG}`, `W/"a",${TAG},"b"`, `"a, b", ${TAG}`];
    const DIFFERENCES = ['"a"', `${TAG.slice(0, -2)}"`, TAG.slice(1, -1), "", '"*"', `"x${TAG.slice(1)}`];
    test.each(MATCHES)(
      "a download with If-None-Match: %s answers 304 with entity tag and caching headers, and no body",
      async (tag) => {
        for (const method of ["GET", "HEAD"]) {
          const { status, headers, bytes } = await download({ "if-none-match": tag, range: "bytes=0-1" }, method);
          expect([status, bytes.length, headers.get("etag")]).toEqual([304, 0, TAG]);
          expect(headers.get("cache-control")).toContain("immutable");
        }
      },
    );
    test.each(DIFFERENCES)("a download with If-None-Match: %s answers 200", async (tag) => {
      expect((await download({ "if-none-match": tag }, "HEAD")).status).toBe(200);
    });

    test("every document has an entity tag, asks to be revalidated, and answers 304 to its tag", async () => {
      for (const document of DOCUMENTS) {
        const path = `/api/packages/fetched${document}`;
        const first = await guest().get(path);
        const tag = first.headers.get("etag") ?? "";
        expect([path, first.status, first.headers.get("cache-control")]).toEqual([path, 200, "no-cache"]);
        for (const sent of [tag, `W/${tag}`, `"a", ${tag}`]) {
          const again = await guest().get(path, { "if-none-match": sent });
          expect([path, sent, again.status, again.text, again.headers.get("etag")]).toEqual([path, sent, 304, "", tag]);
        }
        expect((await guest().get(path, { "if-none-match": "*" })).status).toBe(304);
        expect((await guest().get(path, { "if-none-match": '"a"' })).status).toBe(200);
      }
    });

    const last = SIZE - 1;
    const RANGES: readonly [range: string, first: number, last: number][] = [
      ["bytes=0-0", 0, 0],
      ["bytes=0-9", 0, 9],
      ["bytes=1000-200000", 1000, 200_000],
      ["Bytes = 1 - 2", 1, 2],
      ["bytes=5-", 5, last],
      ["bytes=0-", 0, last],
      [`bytes=${last}-`, last, last],
      [`bytes=${last}-${last}`, last, last],
      ["bytes=100-9999999", 100, last],
      ["bytes=100-99999999999999999999999", 100, last],
      ["bytes=-1", last, last],
      ["bytes=-500", SIZE - 500, last],
      [`bytes=-${SIZE}`, 0, last],
      ["bytes=-99999999", 0, last],
    ];
    test.each(RANGES)("a download with Range: %s answers 206 with bytes %i to %i", async (range, from, to) => {
      const { status, headers, bytes } = await download({ range });
      expect([status, headers.get("content-range")]).toEqual([206, `bytes ${from}-${to}/${SIZE}`]);
      expect(digestOf(bytes)).toBe(digestOf(ARCHIVE.subarray(from, to + 1)));
      expect(headers.get("content-length")).toBe(String(to - from + 1));
      expect([headers.get("etag"), headers.get("accept-ranges")]).toEqual([TAG, "bytes"]);
      expect(headers.get("content-type")).toBe("application/gzip");
    });

    const UNSATISFIABLE = [
      `bytes=${SIZE}-`,
      `bytes=${SIZE}-${SIZE + 5}`,
      "bytes=9999999-",
      "bytes=-0",
      "bytes=99999999999999999999-",
    ];
    test.each(UNSATISFIABLE)("a download with Range: %s answers 416 with the size", async (range) => {
      const answer = await guest().get(DOWNLOAD, { range });
      expectProblem(answer, 416, "range_not_satisfiable");
      expect(answer.headers.get("content-range")).toBe(`bytes */${SIZE}`);
    });

    const PASSED_OVER = [
      "bytes=0-1,5-6",
      "bytes=9-2",
      "bytes=a-b",
      "items=0-1",
      "bytes=",
      "bytes=-",
      "bytes 0-1",
      "0-1",
    ];
    const ODD = ["bytes=0-1-2", "bytes=--1", "bytes=1.5-2", "bytes=0x1-2", "bytes=-5-", "bytes=+1-2"];
    test.each([...PASSED_OVER, ...ODD])(
      "a download with Range: %s answers 200 with the whole archive",
      async (range) => {
        const { status, headers, bytes } = await download({ range });
        expect([status, headers.get("content-range"), digestOf(bytes)]).toEqual([200, null, digestOf(ARCHIVE)]);
        expect(headers.get("accept-ranges")).toBe("bytes");
      },
    );

    test("a range applies only if If-Range names the bytes that are served", async () => {
      const range = "bytes=1-3";
      expect((await download({ range, "if-range": TAG })).status).toBe(206);
      for (const other of ['"a"', `W/${TAG}`, "Wed, 21 Oct 2099 07:28:00 GMT", TAG.slice(1, -1), "*"]) {
        for (const asked of [range, "bytes=0-", `bytes=${SIZE}-`]) {
          const { status, bytes } = await download({ range: asked, "if-range": other });
          expect([other, asked, status, digestOf(bytes)]).toEqual([other, asked, 200, digestOf(ARCHIVE)]);
        }
      }
    });

    test("a GET from the first byte counts as a download; HEAD, 304 and a later range do not", async () => {
      const counts = async () => {
        await registry().deps.downloads.flush();
        const version = await guest().get("/api/packages/fetched/1.0.0");
        const list = await guest().get("/api/packages?search=fetched");
        const shown = await guest().get("/api/packages/fetched");
        return [
          version.body.downloads,
          shown.body.downloads,
          list.body.items[0].downloads,
          shown.body.versions[0].downloads,
        ];
      };
      const [before = 0] = await counts();
      await download({}, "HEAD");
      await download({ "if-none-match": TAG });
      await download({ range: "bytes=1-9" });
      await download({ range: "bytes=-5" });
      await download({ range: `bytes=${SIZE}-` });
      expect(await counts()).toEqual([before, before, before, before]);
      const clients = Array.from({ length: 10 }, (_, at) => ({ "x-forwarded-for": `192.0.2.${at}` }));
      await Promise.all(clients.map((client) => download(client)));
      await guest().get("/api/packages/fetched/latest/download", { "x-forwarded-for": "192.0.2.10" });
      await download({ range: "bytes=0-", "x-forwarded-for": "192.0.2.11" });
      await download({ range: "bytes=0-9", "x-forwarded-for": "192.0.2.12" });
      await download({ range: "bytes=10-", "x-forwarded-for": "192.0.2.12" });
      const after = before + 13;
      expect(await counts()).toEqual([after, after, after, after]);
    });

    test("a hundred and twenty downloads by one client, or from one /48 of IPv6, count once", async () => {
      const count = async () => {
        await registry().deps.downloads.flush();
        return (await guest().get("/api/packages/fetched")).body.downloads;
      };
      const before = await count();
      for (let at = 0; at < 120; at += 1) await download({ "x-forwarded-for": "198.51.100.1" });
      expect(await count()).toBe(before + 1);
      for (let at = 0; at < 120; at += 1) await download({ "x-forwarded-for": `2001:db8:1:${at}::1` });
      expect(await count()).toBe(before + 2);
    });

    test("the list of files has every file of the archive with its size and digest", async () => {
      const { body } = await guest().get("/api/packages/fetched/1.0.0/files");
      const names = body.items.map(({ path }: { path: string }) => path);
      expect(names).toEqual(["README.md", "big.bin", "colony.yaml", "templates/workflow.json", "values.yaml"]);
      const readme = new TextEncoder().encode(README);
      expect(body.items[0]).toEqual({ path: "README.md", size: readme.length, sha256: sha256(readme) });
    });

    test("README, manifest and values are served as texts of the archive, never as HTML", async () => {
      const texts = { readme: README, values: "size: 1 # one\n" };
      for (const [part, text] of Object.entries(texts)) {
        expect((await guest().get(`/api/packages/fetched/1.0.0/${part}`)).text).toBe(text);
      }
      const manifest = await guest().get("/api/packages/fetched/1.0.0/manifest");
      expect(manifest.text).toContain('name: "fetched"');
      expect(manifest.headers.get("content-type")).toBe("application/yaml; charset=utf-8");
      const readme = await guest().get("/api/packages/fetched/1.0.0/readme");
      expect(readme.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
    });

    test("a package without README and values answers 404 for these, and serves its manifest", async () => {
      for (const part of ["readme", "values"]) {
        expectProblem(await guest().get(`/api/packages/bare/1.0.0/${part}`), 404, "contents_not_found");
      }
      expect((await guest().get("/api/packages/bare/1.0.0/manifest")).text).toContain("name: bare");
    });

    test("the signature document has all that node:crypto needs to verify the archive", async () => {
      const { body } = await guest().get("/api/packages/fetched/1.0.0/signature");
      expect(body).toMatchObject({ scheme: "cpm-v1", publicKey: key.publicHex });
      expect(body.keyId).toMatch(/^[0-9a-f]{16,64}$/);
      expect(body.statement).toBe(statementOf("fetched", "1.0.0+b.1", ARCHIVE));
      const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(body.publicKey, "hex")]);
      const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
      const signature = Buffer.from(body.signature, "base64");
      expect(verify(null, Buffer.from(body.statement), publicKey, signature)).toBe(true);
      const version = await guest().get("/api/packages/fetched/1.0.0");
      expect(version.body.signature).toEqual({
        scheme: "cpm-v1",
        keyId: body.keyId,
        publicKey: key.publicHex,
        value: body.signature,
        compromised: false,
      });
    });

    test("a missing package, version or route answers 404 with the code of what is missing", async () => {
      for (const part of ["", "/download", "/files", "/readme", "/manifest", "/values", "/signature"]) {
        expectProblem(await guest().get(`/api/packages/unheard-of/1.0.0${part}`), 404, "package_not_found");
        expectProblem(await guest().get(`/api/packages/fetched/9.9.9${part}`), 404, "version_not_found");
      }
      for (const path of [
        "/api",
        "/api/nothing",
        "/api/packages/fetched/1.0.0/nothing",
        "/API/packages",
        "/api/v2/packages",
      ]) {
        expectProblem(await guest().get(path), 404, "route_not_found");
      }
    });

    /** One address for each kind of answer. */
    const EVERY_KIND: readonly [method: string, path: string, status: number][] = [
      ["GET", "/api/packages", 200],
      ["GET", DOWNLOAD, 200],
      ["HEAD", DOWNLOAD, 200],
      ["GET", "/api/packages/fetched/1.0.0/readme", 200],
      ["GET", "/health", 200],
      ["GET", "/health/live", 200],
      ["GET", "/swagger/json", 200],
      ["GET", "/api/nothing", 404],
      ["GET", "/api/packages/%", 404],
      ["GET", "/api/packages?page=0", 422],
      ["GET", "/api/auth/me", 401],
      ["PATCH", "/api/packages", 405],
      ["POST", "/api/auth/login", 415],
    ];
    test.each(EVERY_KIND)(
      "%s %s answers %i with X-Request-Id, the client's or a new one, and nosniff",
      async (method, path, status) => {
        const ask = (headers?: Record<string, string>) => guest().send(method, path, undefined, headers);
        for (const sent of ["1", "req-1", crypto.randomUUID(), "a.b_c", "x".repeat(64)]) {
          const { headers, ...answer } = await ask({ "x-request-id": sent });
          expect([answer.status, headers.get("x-request-id")]).toEqual([status, sent]);
          expect(headers.get("x-content-type-options")).toBe("nosniff");
          if (status >= 400) expect(answer.body.requestId).toBe(sent);
        }
        const made = new Set<string | null>();
        for (const bad of [undefined, "", "a b", "<script>", '"', "é", "x".repeat(5_000)]) {
          const { headers } = await ask(bad === undefined ? {} : { "x-request-id": bad });
          const id = headers.get("x-request-id");
          expect(id).toMatch(/^[\w.-]{8,64}$/);
          made.add(id);
        }
        expect(made.size).toBe(7);
      },
    );

    test("a download of an archive that was removed or truncated on disk answers a 500 without internals", async () => {
      const archive = makePackage({ name: "lost", version: "1.0.0" });
      await publisher.publish("lost", "1.0.0", archive, key);
      const digest = sha256(archive);
      const path = join(registry().dataDir, "packages", "sha256", digest.slice(0, 2), digest);
      for (const harm of [() => truncate(path, 100), () => rm(path)]) {
        await harm();
        for (const headers of [{}, { range: "bytes=0-1" }] as const) {
          const answer = await guest().get("/api/packages/lost/1.0.0/download", headers);
          expectProblem(answer, 500, answer.body.code);
          for (const inner of [registry().dataDir, "ENOENT", "packages/", ".ts", digest])
            expect(answer.text).not.toContain(inner);
          expect(answer.headers.get("cache-control")).toBe("no-store");
        }
      }
      expect((await guest().get("/api/packages/lost/1.0.0/readme")).status).toBe(200);
      expect((await publisher.publish("lost", "1.0.0", archive, key)).status).toBe(200);
    });
  },
  { env: { TRUSTED_PROXIES: "127.0.0.1" } },
);
