import { expect, test } from "bun:test";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { createApp } from "../../src/app.ts";
import { type Answer, Client, expectProblem, type Json, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases, TEST_JWT_KEY } from "../support/registry.ts";

type Claims = Record<string, unknown>;

const encoded = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
const decoded = (part = ""): Json => JSON.parse(Buffer.from(part, "base64url").toString());

/**
 * Makes a JSON Web Token (RFC 7515 §3.1), signed with HMAC like those of the registry by default.
 */
function forge(claims: unknown, header: object = { alg: "HS256", typ: "JWT" }, key = TEST_JWT_KEY, hash = "sha256") {
  const input = `${encoded(header)}.${encoded(claims)}`;
  return `${input}.${createHmac(hash, key).update(input).digest("base64url")}`;
}

function forgeRsa(claims: Claims): string {
  const input = `${encoded({ alg: "RS256", typ: "JWT" })}.${encoded(claims)}`;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return `${input}.${sign("sha256", Buffer.from(input), privateKey).toString("base64url")}`;
}

const without = (claims: Claims, name: string): Claims => ({ ...claims, [name]: undefined });
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

/** Each makes a token that must be refused, from the claims of a valid one and of another user. */
const FORGERIES: Readonly<Record<string, (good: Claims, other: Claims) => string>> = {
  "alg: none, unsigned": (good) => `${encoded({ alg: "none" })}.${encoded(good)}.`,
  "alg: None, signed": (good) => forge(good, { alg: "None" }),
  "alg: none without a last dot": (good) => `${encoded({ alg: "none" })}.${encoded(good)}`,
  "no alg": (good) => forge(good, { typ: "JWT" }),
  "HS512 with the right key": (good) => forge(good, { alg: "HS512" }, TEST_JWT_KEY, "sha512"),
  "HS384 with the right key": (good) => forge(good, { alg: "HS384" }, TEST_JWT_KEY, "sha384"),
  "HS256 named, HS512 used": (good) => forge(good, { alg: "HS256" }, TEST_JWT_KEY, "sha512"),
  "RS256 by a key of the forger": forgeRsa,
  "RS256 named, HMAC used": (good) => forge(good, { alg: "RS256" }),
  "a key of its own in the header": (good) =>
    forge(good, { alg: "HS256", jwk: { kty: "oct", k: encoded("mine") } }, "mine"),
  "an unknown critical header": (good) => forge(good, { alg: "HS256", crit: ["x"], x: 1 }),
  "another key": (good) => forge(good, undefined, `${TEST_JWT_KEY}x`),
  "an empty key": (good) => forge(good, undefined, ""),
  "another issuer": (good) => forge({ ...good, iss: "evil-registry" }),
  "no issuer": (good) => forge(without(good, "iss")),
  "another audience": (good) => forge({ ...good, aud: "other-service" }),
  "no audience": (good) => forge(without(good, "aud")),
  "no exp": (good) => forge(without(good, "exp")),
  "exp in the past": (good) => forge({ ...good, exp: inSeconds(-1) }),
  "exp that is text": (good) => forge({ ...good, exp: String(inSeconds(600)) }),
  "exp null": (good) => forge({ ...good, exp: null }),
  "iat more than ten minutes in the future": (good) => forge({ ...good, iat: inSeconds(630) }),
  "nbf in the future": (good) => forge({ ...good, nbf: inSeconds(600) }),
  "no jti": (good) => forge(without(good, "jti")),
  "unknown jti": (good) => forge({ ...good, jti: crypto.randomUUID() }),
  "jti with NUL": (good) => forge({ ...good, jti: "\0" }),
  "jti that is an object": (good) => forge({ ...good, jti: { $ne: null } }),
  "jti that is a number": (good) => forge({ ...good, jti: 1 }),
  "no sub": (good) => forge(without(good, "sub")),
  "the sub of another user": (good, other) => forge({ ...good, sub: other.sub }),
  "the jti of another user": (good, other) => forge({ ...good, jti: other.jti }),
  "sub that is a list": (good) => forge({ ...good, sub: [good.sub] }),
  "sub with NUL": (good) => forge({ ...good, sub: "\0" }),
  "claims that are a list": (good) => forge([good]),
  "claims that are null": () => forge(null),
  "claims of an admin under the old signature": (good) => {
    const [header, , signature] = forge(good).split(".");
    return `${header}.${encoded({ ...good, role: "admin" })}.${signature}`;
  },
  "no signature": (good) => forge(good).replace(/[^.]+$/, ""),
  "half a signature": (good) => forge(good).slice(0, -20),
  "a fourth part": (good) => `${forge(good)}.e30`,
  "not base64": () => "@@@.@@@.@@@",
  "not JSON": () => "YQ.YQ.YQ",
  "dots alone": () => "..",
  "10,000 characters": () => "x".repeat(10_000),
  "an API token that nobody made": () => `cpm_${"A".repeat(36)}`,
};

onBothDatabases("sessions", (registry) => {
  let clients: Promise<readonly [Client, Client]> | undefined;
  const accounts = () => {
    clients ??= (async () =>
      [await newAccount(registry(), "alice"), await newAccount(registry(), "mallory")] as const)();
    return clients;
  };
  const claimsOf = ({ token = "" }: Client): Claims => decoded(token.split(".")[1]);
  const withHeader = (authorization: string): Promise<Answer> =>
    new Client(registry().url).get("/api/auth/me", { authorization });

  test("a session token is HS256 and has exactly the documented claims", async () => {
    const [alice] = await accounts();
    const { user } = (await alice.get("/api/auth/me")).body;
    expect(decoded(alice.token?.split(".")[0])).toMatchObject({ alg: "HS256" });
    const claims = claimsOf(alice);
    expect(claims).toEqual({
      sub: user.id,
      userId: user.id,
      name: alice.username,
      role: "user",
      iss: "cpm-registry",
      aud: expect.any(String),
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.any(String),
    });
    expect(Math.abs(Number(claims.iat) - inSeconds(0))).toBeLessThan(30);
  });

  test("a token that the test signs with the right key works, so each forgery fails for its own reason", async () => {
    const [alice] = await accounts();
    expect((await withHeader(`Bearer ${forge(claimsOf(alice))}`)).status).toBe(200);
    expect((await withHeader(`bearer ${alice.token}`)).status).toBe(200);
  });

  test.each(Object.entries(FORGERIES))("a forged token is refused: %s", async (_, make) => {
    const [alice, mallory] = await accounts();
    const answer = await withHeader(`Bearer ${make(claimsOf(alice), claimsOf(mallory))}`);
    expectProblem(answer, 401, "unauthenticated");
    expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
  });

  test("a session token is accepted only as Authorization: Bearer", async () => {
    const [{ token = "" }] = await accounts();
    const wrong = [
      token,
      "Bearer",
      "Bearer ",
      `Bearer ${token} ${token}`,
      `Bearer: ${token}`,
      `Basic ${token}`,
      "x",
      "",
    ];
    for (const authorization of [...wrong, `Bearer "${token}"`, `Token ${token}`, `Bearer ${token}, Bearer ${token}`]) {
      expectProblem(await withHeader(authorization), 401, "unauthenticated");
    }
    const elsewhere = new Client(registry().url);
    for (const query of [`?token=${token}`, `?access_token=${token}`]) {
      expectProblem(await elsewhere.get(`/api/auth/me${query}`), 401, "unauthenticated");
    }
    expectProblem(await elsewhere.get("/api/auth/me", { cookie: `token=${token}` }), 401, "unauthenticated");
  });

  test("a session ends at expiresAt by the clock of the registry, and not before", async () => {
    const [{ username }] = await accounts();
    try {
      registry().now = new Date("2031-05-05T05:05:05.678Z");
      const { body } = await new Client(registry().url).post("/api/auth/login", { username, password: PASSWORD });
      const claims = decoded(body.token.split(".")[1]);
      const end = new Date(body.expiresAt);
      expect(claims.exp * 1000).toBe(end.getTime());
      const session = new Client(registry().url, body.token);
      registry().now = new Date(end.getTime() - 1000);
      expect((await session.get("/api/auth/me")).status).toBe(200);
      for (const lateMs of [0, 1, 86_400_000]) {
        registry().now = new Date(end.getTime() + lateMs);
        expectProblem(await session.get("/api/auth/me"), 401, "unauthenticated");
      }
    } finally {
      registry().now = undefined;
    }
  });

  /** Routes anybody may ask. A new route is either here by decision or needs a session. */
  const OPEN = [
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /log/*",
    "GET /api/log/changes",
    "GET /api/log/consistency",
    "GET /swagger/json",
    "POST /api/auth/login",
    "POST /api/auth/register",
    "POST /api/auth/reset",
    "GET /api/packages",
    "GET /api/packages/:name",
    "GET /api/packages/:name/:version",
    "GET /api/packages/:name/:version/download",
    "GET /api/packages/:name/:version/files",
    "GET /api/packages/:name/:version/files/*",
    "GET /api/packages/:name/:version/manifest",
    "GET /api/packages/:name/:version/proof",
    "GET /api/packages/:name/:version/readme",
    "GET /api/packages/:name/:version/signature",
    "GET /api/packages/:name/:version/values",
    "GET /api/packages/:name/dependents",
    "GET /api/packages/:name/events",
    "GET /api/packages/:name/keys",
    "GET /api/packages/:name/log",
    "GET /api/packages/:name/owners",
    // A signature by a key may replace the session.
    "DELETE /api/packages/:name/keys/reset",
  ];
  const isOpen = (route: string) =>
    OPEN.some((open) => open === route || (open.endsWith("*") && route.startsWith(open.slice(0, -1))));

  /**
   * Method and path of every route of the API, `/api/v1` under its other name. The pages have their
   * own table (test/web/permissions.test.ts).
   */
  const routes = () =>
    createApp(registry().deps)
      .routes.filter(({ method, hooks }) => !["HEAD", "OPTIONS"].includes(method) && hooks.detail?.hide !== true)
      .map(({ method, path }) => ({ method, path, route: `${method} ${path.replace("/api/v1/", "/api/")}` }));

  test("every route except the public ones is 401 without a session, whatever else is sent", async () => {
    const guarded = routes().filter(({ route }) => !isOpen(route));
    expect(guarded.length).toBeGreaterThanOrEqual(12);
    for (const { method, path } of guarded) {
      const address = path.replaceAll(/:[a-z]+/gi, "x");
      const bodies = [undefined, {}, new FormData(), "not json"];
      for (const body of method === "GET" ? [undefined] : bodies) {
        const answer = await new Client(registry().url).send(method, address, body);
        expect([method, path, answer.status, answer.body?.code]).toEqual([method, path, 401, "unauthenticated"]);
      }
      const forged = new Client(registry().url, forge({ sub: "x", jti: "x", iat: 1, exp: inSeconds(9) }));
      expectProblem(await forged.send(method, address), 401, "unauthenticated");
    }
  });

  test("/swagger/json requires a session for exactly these routes, by a scheme that it describes", async () => {
    const { body } = await new Client(registry().url).get("/swagger/json");
    const marked: string[] = [];
    for (const [path, methods] of Object.entries<Record<string, Json>>(body.paths)) {
      for (const [method, { security, responses }] of Object.entries(methods)) {
        if (security.length === 0) continue;
        expect(responses["401"]).toBeDefined();
        for (const scheme of security.flatMap(Object.keys))
          expect(body.components.securitySchemes[scheme]).toBeDefined();
        // The empty requirement is enough: only a private registry requires a credential.
        if (security.some((way: object) => Object.keys(way).length === 0)) continue;
        marked.push(`${method.toUpperCase()} ${path.replaceAll(/\{([A-Za-z]+)\}/g, ":$1")}`);
      }
    }
    const guarded = new Set(routes().flatMap(({ route }) => (isOpen(route) ? [] : [route])));
    expect(marked.sort()).toEqual([...guarded].sort());
  });
});
