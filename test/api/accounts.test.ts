import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { Client, expectProblem, newAccount, PASSWORD } from "../support/client.ts";
import { hashAtFullCost, hashCheaply } from "../support/password-cost.ts";
import { onBothDatabases } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";

const RFC3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

function emailOf({ username }: Client): string {
  return `${username}@example.org`;
}

onBothDatabases("accounts", (registry) => {
  const guest = () => new Client(registry().url);
  const register = (fields: object) => guest().post("/api/auth/register", fields);
  const login = (username: unknown, password: unknown) => guest().post("/api/auth/login", { username, password });
  /** Failed logins are counted by the minute: each test has its own. */
  beforeEach(() => {
    const last = registry().now ?? new Date();
    registry().now = new Date(last.getTime() + 60_000);
  });
  /** One account for the tests that change nothing about it. */
  let shared: Promise<Client> | undefined;
  const alice = () => {
    shared ??= newAccount(registry(), "alice");
    return shared;
  };
  /** Another session of an account. */
  const again = async ({ username }: Client, password = PASSWORD) => {
    const { body } = await login(username, password);
    return new Client(registry().url, body.token, username);
  };

  test("register responds 201 with the user and nothing about the password", async () => {
    const answer = await register({ username: "Anna.B-1_x", email: "Anna@Example.org", password: PASSWORD });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      user: {
        id: expect.any(String),
        username: "Anna.B-1_x",
        email: "Anna@Example.org",
        role: "user",
        createdAt: expect.stringMatching(RFC3339_UTC),
      },
    });
  });

  test("login by name or e-mail in any case returns a bearer token, its expiry and the user", async () => {
    const { username } = await alice();
    const me = (await (await alice()).get("/api/auth/me")).body.user;
    for (const spelling of [username, username.toUpperCase(), `${username}@EXAMPLE.org`]) {
      const answer = await login(spelling, PASSWORD);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.body).toEqual({
        token: expect.any(String),
        tokenType: "Bearer",
        expiresAt: expect.stringMatching(RFC3339_UTC),
        user: me,
      });
      expect(new Date(answer.body.expiresAt).getTime()).toBeGreaterThan(Date.now());
    }
  });

  test("me returns the user and forbids caching", async () => {
    const client = await alice();
    const answer = await client.get("/api/auth/me");
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.body.user).sort()).toEqual(["createdAt", "email", "id", "role", "username"]);
    expect(answer.body.user).toMatchObject({ username: client.username, email: emailOf(client), role: "user" });
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test("a user name or e-mail is taken in any spelling of upper and lower case", async () => {
    const client = await alice();
    const [username, email] = [client.username, emailOf(client)];
    for (const taken of [username, username.toUpperCase()]) {
      expectProblem(await register({ username: taken, email: "new@x.org", password: PASSWORD }), 409, "username_taken");
    }
    for (const taken of [email, email.toUpperCase(), email.replace("@example", "@EXAMPLE")]) {
      expectProblem(await register({ username: "new-one", email: taken, password: PASSWORD }), 409, "email_taken");
    }
    expectProblem(await login("new-one", PASSWORD), 401, "invalid_credentials");
  });

  test("two concurrent registrations of one name create one account", async () => {
    const fields = (at: number) => ({ username: `TWIN${at % 2}`.toLowerCase(), email: "t@x.org", password: PASSWORD });
    const answers = await Promise.all(Array.from({ length: 6 }, (_, at) => register(fields(at))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test("a registration cannot set its role, ID or other fields", async () => {
    const fields = { username: "climber", email: "climber@x.org", password: PASSWORD };
    const answer = await register({ ...fields, role: "admin", id: "me", isAdmin: true, createdAt: "1970-01-01" });
    if (answer.status !== 201) return expectProblem(answer, 422, "validation_failed");
    expect(answer.body.user).toMatchObject({ role: "user", id: expect.not.stringMatching(/^me$/) });
    expect(answer.body.user.createdAt).not.toStartWith("1970");
  });

  const BAD_FIELDS: readonly [what: string, path: string, fields: Record<string, unknown>][] = [
    ["no name", "/username", { username: undefined }],
    ["empty name", "/username", { username: "" }],
    ["name with a blank", "/username", { username: "a b" }],
    ["name with an @", "/username", { username: "a@b.org" }],
    ["name with a slash", "/username", { username: "../a" }],
    ["name with NUL", "/username", { username: "a\0b" }],
    ["name of 65 characters", "/username", { username: "a".repeat(65) }],
    ["name that is a number", "/username", { username: 7 }],
    ["name in another script", "/username", { username: "аlice" }],
    ["no e-mail", "/email", { email: undefined }],
    ["e-mail without @", "/email", { email: "example.org" }],
    ["e-mail with NUL", "/email", { email: "a\0b@x.org" }],
    ["e-mail with a line end", "/email", { email: "a@x.org\nBcc: b@x.org" }],
    ["endless e-mail", "/email", { email: `${"a".repeat(300)}@x.org` }],
    ["no password", "/password", { password: undefined }],
    ["password of 9", "/password", { password: "Secret-09" }],
    ["password of 9 emoji", "/password", { password: "🔑".repeat(9) }],
    ["password of 1,025", "/password", { password: "Secret-25".padEnd(1025, "x") }],
    ["password that is a number", "/password", { password: 12345678901 }],
    ["password that is a list", "/password", { password: ["Secret-in-a-list"] }],
    ["password that is null", "/password", { password: null }],
  ];
  test.each(BAD_FIELDS)("register refuses a %s with 422, names the field and repeats no password", async (...row) => {
    const [what, path, fields] = row;
    const sent = { username: "fresh-name", email: "fresh@x.org", password: PASSWORD, ...fields };
    const answer = await register(sent);
    expectProblem(answer, 422, "validation_failed");
    expect([what, answer.body.errors.map((fault: { path: string }) => fault.path)]).toEqual([what, [path]]);
    for (const secret of [PASSWORD, "Secret", "🔑", "12345678901"]) expect(answer.text).not.toContain(secret);
  });

  test("a registration with several invalid fields names all of them", async () => {
    const { body } = await register({ username: "", email: "", password: "" });
    const paths = body.errors.map((fault: { path: string }) => fault.path).sort();
    expect(paths).toEqual(["/email", "/password", "/username"]);
  });

  test("passwords of 10 and of 1,024 characters work, and every character counts", async () => {
    const passwords = ["x".repeat(10), "🔑".repeat(1024), `${"y".repeat(1023)}z`, "nul\0inside-it"];
    for (const [at, password] of passwords.entries()) {
      const username = `length-${at}`;
      const registered = await register({ username, email: `${username}@x.org`, password });
      expect([username, registered.status]).toEqual([username, 201]);
      expect((await login(username, password)).status).toBe(200);
      const shorter = [...password].slice(0, -1).join("");
      for (const other of [shorter, `${shorter}!`, password.split("\0")[0]]) {
        if (other !== password) expectProblem(await login(username, other), 401, "invalid_credentials");
      }
    }
  });

  test("a password is the same however its characters are composed (NFKC)", async () => {
    const [composed, decomposed, wide] = [
      "Zo\u00eb’s caf\u00e9s 12",
      "Zoe\u0308’s cafe\u0301s 12",
      "\uff3ao\u00eb’s caf\u00e9s \uff11\uff12",
    ];
    expect(composed).not.toBe(decomposed);
    await register({ username: "zoe", email: "zoe@x.org", password: composed });
    for (const spelling of [composed, decomposed, wide]) expect((await login("zoe", spelling)).status).toBe(200);
    expectProblem(await login("zoe", "Zoe’s cafes 12"), 401, "invalid_credentials");
  });

  test("a wrong password, an unknown name and an unknown e-mail get the same response", async () => {
    const { username } = await alice();
    const names = [username, "nobody-here", "nobody@here.org", "nul\0name", "' OR 1=1 --", "%"];
    const answers = await Promise.all(names.map((name) => login(name, "a wrong password")));
    for (const answer of answers) expectProblem(answer, 401, "invalid_credentials");
    const contents = answers.map(({ body }) => JSON.stringify({ ...body, requestId: "" }));
    expect(new Set(contents).size).toBe(1);
    expect(answers.some(({ text }) => text.includes("a wrong password"))).toBe(false);
  });

  test("an invalid login is 4xx and repeats no password", async () => {
    const secret = "Secret-in-the-wrong-place";
    const bodies = [
      { username: secret.repeat(20), password: secret },
      { username: 1, password: { secret } },
      { username: "alice", password: [secret] },
      { username: "alice", password: secret.repeat(100) },
      { password: secret },
      [secret],
      `"${secret}"`,
      `{"username":"alice","password":"${secret}`,
      `{"username":"alice","password":"${secret}\u0001"}`,
    ];
    const headers = { "content-type": "application/json" };
    for (const body of bodies) {
      const answer = await guest().post("/api/auth/login", body, headers);
      expect([400, 401, 422]).toContain(answer.status);
      expectProblem(answer, answer.status, answer.body.code);
      expect(answer.text).not.toContain("Secret");
    }
  });

  test("logout responds 204 and ends exactly that session", async () => {
    const first = await alice();
    const [second, third] = [await again(first), await again(first)];
    const ended = await second.post("/api/auth/logout");
    expect([ended.status, ended.text]).toEqual([204, ""]);
    expectProblem(await second.get("/api/auth/me"), 401, "unauthenticated");
    expectProblem(await second.post("/api/auth/logout"), 401, "unauthenticated");
    for (const other of [first, third]) expect((await other.get("/api/auth/me")).status).toBe(200);
  });

  test("an API token that logs out is revoked, and ends nothing else", async () => {
    const owner = await alice();
    const [token, other] = [await withToken(owner, ["read"]), await withToken(owner, ["read"])];
    expect((await token.post("/api/auth/logout")).status).toBe(204);
    expectProblem(await token.get("/api/auth/me"), 401, "unauthenticated");
    expectProblem(await token.post("/api/auth/logout"), 401, "unauthenticated");
    for (const left of [owner, other]) expect((await left.get("/api/auth/me")).status).toBe(200);
    const { items } = (await owner.get("/api/auth/tokens")).body;
    expect(items).toHaveLength(1);
  });

  test("a password change responds 204, ends the other sessions and keeps its own", async () => {
    const bob = await newAccount(registry(), "bob");
    const other = await again(bob);
    const newPassword = "a brand new passphrase";
    const answer = await bob.post("/api/auth/password", { currentPassword: PASSWORD, newPassword });
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect((await bob.get("/api/auth/me")).status).toBe(200);
    expectProblem(await other.get("/api/auth/me"), 401, "unauthenticated");
    expectProblem(await login(bob.username, PASSWORD), 401, "invalid_credentials");
    expect((await login(bob.username, newPassword)).status).toBe(200);
    expect((await (await alice()).get("/api/auth/me")).status).toBe(200);
  });

  test("a password change with a wrong or bad password changes nothing and ends no session", async () => {
    const client = await alice();
    const other = await again(client);
    const change = (currentPassword: unknown, newPassword: unknown) =>
      client.post("/api/auth/password", { currentPassword, newPassword });
    expectProblem(await change("a wrong password", "a brand new passphrase"), 401, "invalid_credentials");
    for (const bad of ["Secret-09", "Secret".padEnd(1025, "x"), 1234567890, undefined]) {
      const answer = await change(PASSWORD, bad);
      expectProblem(answer, 422, "validation_failed");
      for (const secret of [PASSWORD, "Secret", "1234567890"]) expect(answer.text).not.toContain(secret);
    }
    for (const session of [client, other]) expect((await session.get("/api/auth/me")).status).toBe(200);
    expect((await login(client.username, PASSWORD)).status).toBe(200);
  });
});

onBothDatabases(
  "closed registration",
  (registry) => {
    test("with closed registration, register is 403 and creates no account, and login works", async () => {
      const guest = new Client(registry().url);
      const fields = { username: "late", email: "late@x.org", password: PASSWORD };
      expectProblem(await guest.post("/api/auth/register", fields), 403, "registration_closed");
      expectProblem(await guest.post("/api/auth/login", fields), 401, "invalid_credentials");
      const { deps } = registry();
      expect(await deps.db.read(({ query, tables }) => query.$count(tables.users))).toBe(0);
    });
  },
  { env: { REGISTRATION: "closed" } },
);

onBothDatabases(
  "logins at once",
  (registry) => {
    beforeAll(hashAtFullCost);
    afterAll(hashCheaply);

    test("a password is stored as an argon2id hash with the cost that OWASP recommends", async () => {
      await newAccount(registry());
      const rows = await registry().deps.db.read(({ query, tables }) => query.select().from(tables.users));
      for (const { passwordHash } of rows) expect(passwordHash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
      expect(rows.length).toBeGreaterThan(0);
    });

    test("many concurrent logins get 200, 401 or 503 with Retry-After, and other requests are served meanwhile", async () => {
      const { username } = await newAccount(registry());
      const guest = new Client(registry().url);
      // Each login has its own address, and each wrong one its own name, so that none is throttled.
      const waiting = Array.from({ length: 160 }, (_, at) => {
        const wrong = { username: `nobody-${at}`, password: "a wrong password" };
        const sent = at % 2 === 0 ? { username, password: PASSWORD } : wrong;
        return guest.post("/api/auth/login", sent, { "x-forwarded-for": `10.0.0.${at}` });
      });
      expect((await guest.get("/health/live")).status).toBe(200);
      const answers = await Promise.all(waiting);
      for (const [at, answer] of answers.entries()) {
        if (answer.status !== 503) expect(answer.status).toBe(at % 2 === 0 ? 200 : 401);
        else expectProblem(answer, 503, "busy");
        if (answer.status === 503) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      }
      expect(answers.some(({ status }) => status === 503)).toBe(true);
      expect((await guest.post("/api/auth/login", { username, password: PASSWORD })).status).toBe(200);
    });
  },
  { env: { TRUSTED_PROXIES: "127.0.0.1" } },
);
