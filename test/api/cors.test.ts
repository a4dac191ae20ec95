import { expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, startRegistry } from "../support/registry.ts";

/* Checks the CORS headers. test/browser/cors.test.ts shows that a browser obeys them. */

const ALLOWED = "http://localhost:4321";
const ALSO_ALLOWED = "https://dashboard.example.org";
const REFUSED = [
  "null",
  "http://localhost:4321.evil.example",
  "http://localhost:43210",
  "http://localhost",
  "https://localhost:4321",
  "http://127.0.0.1:4321",
  "http://evil.example/http://localhost:4321",
  "localhost:4321",
  "//localhost:4321",
  "x://http://localhost:4321",
  "HTTP://LOCALHOST:4321",
  "http://localhost:4321/",
  "dashboard.example.org",
  "https://evil.dashboard.example.org",
  "https://dashboard.example.org.evil.example",
  "https://dashboard.example.org, https://evil.example",
  "*",
  "constructor",
  "__proto__",
  "toString",
];

const env = { CORS_ORIGINS: `${ALLOWED},${ALSO_ALLOWED}` };
const corsHeaders = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith("access-control-"));
const listed = (header: string | null) => (header ?? "").split(", ").sort();

onBothDatabases(
  "CORS",
  (registry) => {
    const preflight = (origin: string, path: string, method: string) =>
      new Client(registry().url).send("OPTIONS", path, undefined, {
        origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization,content-type",
      });

    test("every response to an allowed origin names the origin, errors included", async () => {
      const guest = new Client(registry().url);
      const answers = {
        "/api/packages": 200,
        "/api/packages?page=0": 422,
        "/api/packages/none": 404,
        "/api/auth/me": 401,
        "/nowhere": 404,
        "/health": 200,
        "/swagger/json": 200,
      };
      for (const [path, status] of Object.entries(answers)) {
        for (const origin of [ALLOWED, ALSO_ALLOWED]) {
          const { headers, ...answer } = await guest.get(path, { origin });
          const vary = headers.get("vary")?.replace(", Accept-Encoding", "");
          const said = [headers.get("access-control-allow-origin"), vary];
          expect([path, answer.status, ...said]).toEqual([path, status, origin, "Origin"]);
          expect(headers.get("access-control-allow-credentials")).toBeNull();
        }
      }
      const wrongMethod = await guest.send("PUT", "/api/packages", undefined, { origin: ALLOWED });
      expect([wrongMethod.status, wrongMethod.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
      expect(wrongMethod.headers.get("access-control-allow-origin")).toBe(ALLOWED);
    });

    test("a download names the allowed origin and varies by Origin for shared caches", async () => {
      const alice = await newAccount(registry());
      await alice.publish("cors", "1.0.0", makePackage({ name: "cors", version: "1.0.0" }), makeKey());
      for (const headers of [{}, { range: "bytes=0-9" }, { "if-none-match": "*" }, { range: "bytes=99999999-" }]) {
        const answer = await alice.get("/api/packages/cors/1.0.0/download", { origin: ALLOWED, ...headers });
        expect(answer.headers.get("access-control-allow-origin")).toBe(ALLOWED);
        expect(answer.headers.get("vary")).toBe("Origin");
      }
      const elsewhere = await alice.get("/api/packages/cors/1.0.0/download");
      expect(elsewhere.headers.get("access-control-allow-origin")).toBeNull();
      expect(elsewhere.headers.get("vary")).toBe("Origin");
    });

    test("pages of an allowed origin may read the headers that clients act on", async () => {
      const { headers } = await new Client(registry().url).get("/api/packages", { origin: ALLOWED });
      const exposed = listed(headers.get("access-control-expose-headers"));
      for (const name of ["Content-Range", "ETag", "Link", "Location", "Repr-Digest", "Retry-After", "X-Request-Id"]) {
        expect(exposed).toContain(name);
      }
    });

    test("a preflight of an allowed origin allows Authorization and the methods of the API", async () => {
      for (const [path, method] of [
        ["/api/packages", "POST"],
        ["/api/packages/any/1.0.0", "DELETE"],
        ["/api/auth/me", "GET"],
      ] as const) {
        const { status, text, headers } = await preflight(ALLOWED, path, method);
        expect([status, text, headers.get("access-control-allow-origin")]).toEqual([204, "", ALLOWED]);
        expect(listed(headers.get("access-control-allow-methods"))).toEqual(["DELETE", "GET", "HEAD", "POST", "PUT"]);
        expect(listed(headers.get("access-control-allow-headers"))).toContain("Authorization");
        expect(headers.get("access-control-allow-credentials")).toBeNull();
        expect(headers.get("access-control-max-age")).toBe("600");
        expect(headers.get("vary")).toBe("Origin");
      }
    });

    test("an origin that is not allowed gets no CORS headers, however similar it looks", async () => {
      const guest = new Client(registry().url);
      for (const origin of REFUSED) {
        for (const answer of [
          await guest.get("/api/packages", { origin }),
          await preflight(origin, "/api/packages", "POST"),
        ]) {
          expect([origin, answer.headers.get("access-control-allow-origin")]).toEqual([origin, null]);
          expect([origin, answer.headers.get("access-control-allow-credentials")]).toEqual([origin, null]);
          expect([origin, answer.headers.get("vary")]).toEqual([origin, "Origin"]);
        }
      }
      const noOrigin = await guest.get("/api/packages");
      expect(noOrigin.headers.get("access-control-allow-origin")).toBeNull();
    });
  },
  { env },
);

test("without CORS_ORIGINS there are no CORS headers, and OPTIONS is 405 like other unknown methods", async () => {
  const registry = await startRegistry("sqlite");
  try {
    const guest = new Client(registry.url);
    for (const origin of [ALLOWED, "null", registry.url]) {
      const read = await guest.get("/api/packages", { origin });
      expect([read.status, corsHeaders(read.headers), read.headers.get("vary")]).toEqual([200, [], null]);
      const headers = { origin, "access-control-request-method": "POST" };
      const asked = await guest.send("OPTIONS", "/api/packages", undefined, headers);
      expect([asked.status, asked.body.code, corsHeaders(asked.headers)]).toEqual([405, "method_not_allowed", []]);
    }
  } finally {
    await registry.stop();
  }
});

test("a request with a host name of three letters finds every route, with and without CORS", async () => {
  for (const options of [{}, { env }]) {
    const registry = await startRegistry("sqlite", options);
    try {
      for (const host of ["a", "cpm", "cpm:80", "registry"]) {
        const answer = await new Client(registry.url).get("/api/packages", { host });
        expect([host, answer.status]).toEqual([host, 200]);
      }
    } finally {
      await registry.stop();
    }
  }
});

test("with * every page may read, without credentials and without writing", async () => {
  const registry = await startRegistry("sqlite", { env: { CORS_ORIGINS: `*,${ALLOWED}` } });
  try {
    const guest = new Client(registry.url);
    const ask = (origin: string, method: string) =>
      guest.send("OPTIONS", "/api/packages", undefined, { origin, "access-control-request-method": method });
    for (const origin of ["https://any.example", "null"]) {
      const read = await guest.get("/api/packages", { origin });
      expect([read.status, read.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
      expect(read.headers.get("access-control-allow-credentials")).toBeNull();
      expect(listed(read.headers.get("access-control-expose-headers"))).toContain("ETag");
      const { status, headers } = await ask(origin, "GET");
      expect([status, headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
      expect(listed(headers.get("access-control-allow-methods"))).toEqual(["GET", "HEAD"]);
      expect(listed(headers.get("access-control-allow-headers"))).toEqual(
        ["If-None-Match", "If-Range", "Range", "X-Request-Id"].sort(),
      );
      const write = await ask(origin, "POST");
      expect(write.headers.get("access-control-allow-origin")).toBeNull();
    }
    const own = await ask(ALLOWED, "POST");
    expect([own.status, own.headers.get("access-control-allow-origin")]).toEqual([204, ALLOWED]);
  } finally {
    await registry.stop();
  }
});
