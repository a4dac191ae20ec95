import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import type { createApp } from "../../src/app.ts";
import { failure } from "../../src/errors.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, expectProblem, type Json, makeKey, newAccount, sha256 } from "../support/client.ts";
import { onBothDatabases, overriding } from "../support/registry.ts";

const TOKENS = "/api/auth/tokens";
const DAY_MS = 24 * 60 * 60_000;

/** How many reads and writes the database got, and whether it accepts writes. */
const database = { reads: 0, writes: 0, isFull: false };

const OPTIONS = {
  env: { PUBLISH_LIMITS: "off" },
  override: (deps: Parameters<typeof createApp>[0]) => ({
    db: overriding(deps.db, {
      read: (work) => {
        database.reads += 1;
        return deps.db.read(work);
      },
      write: async (work) => {
        database.writes += 1;
        if (database.isFull) throw failure({ code: "storage_full" });
        return deps.db.write(work);
      },
    }),
  }),
};

onBothDatabases(
  "API tokens",
  (registry) => {
    let [alice, bob]: Client[] = [];
    const as = (client: Client | undefined) => client as Client;
    const key = makeKey();
    const make = (fields: object, by = alice) => as(by).post(TOKENS, { label: "ci", scopes: ["read"], ...fields });
    const made = async (fields: object = {}, by = alice): Promise<Json> => {
      const answer = await make(fields, by);
      expect([answer.status, answer.text.slice(0, 300)]).toEqual([201, expect.any(String)]);
      return answer.body;
    };
    const listed = async (by = alice): Promise<Json[]> => (await as(by).get(TOKENS)).body.items;
    const me = (token: string) => new Client(registry().url, token).get("/api/auth/me");
    const withHeaders = (headers: Record<string, string>) => new Client(registry().url).get("/api/auth/me", headers);
    const publish = (by: Client, name: string, version: string) =>
      by.publish(name, version, makePackage({ name, version }), key);

    beforeAll(async () => {
      [alice, bob] = [await newAccount(registry(), "alice"), await newAccount(registry(), "bob")];
    });
    afterEach(() => {
      registry().now = undefined;
      database.isFull = false;
    });

    describe("made by POST /api/auth/token", () => {
      const ALIAS = "/api/auth/token";

      test("can publish, and have the date as their label, where the request says nothing", async () => {
        const maker = await newAccount(registry(), "maker");
        const today = () => new Date().toISOString().slice(0, 10);
        for (const make of [() => maker.post(ALIAS, {}), () => maker.send("POST", ALIAS)]) {
          const days = [today()];
          const { status, body } = await make();
          days.push(today());
          expect([status, body]).toMatchObject([
            201,
            { scopes: ["read", "publish-new", "publish-update"], packages: ["*"] },
          ]);
          expect(days.map((day) => `token of ${day}`)).toContain(body.label);
        }
        const { token } = (await maker.post(ALIAS)).body;
        expect((await publish(new Client(registry().url, token), "by-alias", "1.0.0")).status).toBe(201);
      });

      test("have what the request says, by the rules of POST /api/auth/tokens", async () => {
        const fields = { label: "ci", scopes: ["yank"], packages: ["foo-*"], expiresInDays: 7 };
        const { status, body } = await as(alice).post(ALIAS, fields);
        expect([status, body]).toMatchObject([201, { label: "ci", scopes: ["yank"], packages: ["foo-*"] }]);
        expectProblem(await as(alice).post(ALIAS, { scopes: ["all"] }), 422, "validation_failed");
        const byToken = await new Client(registry().url, body.token).post(ALIAS, {});
        expectProblem(byToken, 403, "session_required");
      });
    });

    describe("made", () => {
      test("are shown once, with their scopes, packages and expiry", async () => {
        const owner = await newAccount(registry(), "owner");
        const now = new Date();
        registry().now = now;
        const fields = { scopes: ["read", "yank", "read"], packages: ["foo", "foo-*", "foo"], expiresInDays: 7 };
        const answer = await make({ ...fields, label: "CI of foo ✓" }, owner);
        const { token, ...shown } = answer.body;
        expect([answer.status, answer.headers.get("cache-control")]).toEqual([201, "no-store"]);
        expect(shown).toEqual({
          id: expect.any(String),
          label: "CI of foo ✓",
          scopes: ["read", "yank"],
          packages: ["foo", "foo-*"],
          createdAt: now.toISOString(),
          expiresAt: new Date(now.getTime() + 7 * DAY_MS).toISOString(),
          lastUsedAt: null,
        });
        expect(token).toMatch(/^cpm_[0-9A-Za-z]{36}$/);
        const list = await owner.get(TOKENS);
        expect(list.body).toEqual({ items: [shown] });
        const [row] = await registry().deps.db.read(({ query, tables: { apiTokens } }) =>
          query.select().from(apiTokens).where(eq(apiTokens.id, shown.id)),
        );
        expect(row?.tokenSha256).toBe(sha256(Buffer.from(token)));
        for (const text of [list.text, JSON.stringify(row)]) {
          for (const part of [token, token.slice(4), token.slice(4, 34)]) expect(text).not.toContain(part);
        }
      });

      test("end with a checksum: the CRC-32 of the random part, in base62", async () => {
        const texts = new Set<string>();
        for (let at = 0; at < 5; at += 1) texts.add((await made()).token);
        expect(texts.size).toBe(5);
        const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        for (const text of texts) {
          const value = [...text.slice(34)].reduce((sum, digit) => sum * 62 + digits.indexOf(digit), 0);
          expect(value).toBe(Bun.hash.crc32(text.slice(4, 34)));
        }
      });

      test("are for all packages and 90 days by default", async () => {
        const { packages, createdAt, expiresAt } = await made();
        expect(packages).toEqual(["*"]);
        expect(new Date(expiresAt).getTime() - new Date(createdAt).getTime()).toBe(90 * DAY_MS);
      });

      test("are listed to their account alone, the newest first, with expired and without revoked ones", async () => {
        const owner = await newAccount(registry(), "lister");
        const start = Date.now();
        const ids: string[] = [];
        for (const at of [0, 1, 2]) {
          registry().now = new Date(start + at * 1000);
          ids.push((await made({}, owner)).id);
        }
        expect((await listed(owner)).map(({ id }) => id)).toEqual(ids.toReversed());
        await owner.send("DELETE", `${TOKENS}/${ids[1]}`);
        await registry().deps.db.write(async ({ query, tables: { apiTokens } }) => {
          await query
            .update(apiTokens)
            .set({ expiresAt: new Date(start) })
            .where(eq(apiTokens.id, ids[0] ?? ""));
        });
        expect((await listed(owner)).map(({ id }) => id)).toEqual([ids[2] ?? "", ids[0] ?? ""]);
        const others = (await listed(bob)).map(({ id }) => id);
        expect(ids.filter((id) => others.includes(id))).toEqual([]);
      });
    });

    describe("sent", () => {
      test("authenticate their account in either header, or in both when they are equal", async () => {
        const { token } = await made();
        const bearer = { authorization: `Bearer ${token}` };
        for (const headers of [bearer, { "x-api-key": token }, { ...bearer, "x-api-key": token }]) {
          const answer = await withHeaders(headers);
          expect([answer.status, answer.body.user?.username]).toEqual([200, as(alice).username]);
        }
      });

      test("that differ, or that come with a session, are 400: the registry does not choose", async () => {
        const [one, two] = [(await made()).token, (await made()).token];
        for (const first of [one, as(alice).token ?? "", "nonsense"]) {
          const answer = await withHeaders({ authorization: `Bearer ${first}`, "x-api-key": two });
          expectProblem(answer, 400, "conflicting_credentials");
        }
        const session = as(alice).token ?? "";
        expectProblem(
          await withHeaders({ authorization: `Bearer ${one}`, "x-api-key": session }),
          400,
          "conflicting_credentials",
        );
      });

      test("are the only credential that X-API-Key takes", async () => {
        for (const apiKey of [as(alice).token ?? "", "x", "", "Bearer x"]) {
          expectProblem(await withHeaders({ "x-api-key": apiKey }), 401, "unauthenticated");
        }
        const { token } = await made();
        for (const apiKey of [`Bearer ${token}`, `${token}, ${token}`]) {
          expectProblem(await withHeaders({ "x-api-key": apiKey }), 401, "unauthenticated");
        }
      });

      test("with a typing error are refused by their checksum, without a database query", async () => {
        const { token } = await made();
        const flipped = (at: number) => `${token.slice(0, at)}${token[at] === "a" ? "b" : "a"}${token.slice(at + 1)}`;
        const wrong = [flipped(4), flipped(20), flipped(33), flipped(34), flipped(39)];
        for (const text of [...wrong, token.slice(0, -1), `${token}a`, "cpm_", token.replace("cpm_", "cpm_cpm_")]) {
          database.reads = 0;
          for (const headers of [{ authorization: `Bearer ${text}` }, { "x-api-key": text }] as const) {
            const answer = await withHeaders(headers as Record<string, string>);
            expectProblem(answer, 401, "unauthenticated");
            expect(answer.body.detail).toContain("checksum");
            expect(answer.text).not.toContain(text.slice(4, 34) || "-none-");
            expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
          }
          expect([text, database.reads]).toEqual([text, 0]);
        }
      });

      test("work until they expire, by the clock of the registry", async () => {
        const { token, expiresAt } = await made({ expiresInDays: 1 });
        const end = new Date(expiresAt).getTime();
        registry().now = new Date(end - 1);
        expect((await me(token)).status).toBe(200);
        for (const lateMs of [0, 1, DAY_MS]) {
          registry().now = new Date(end + lateMs);
          expectProblem(await me(token), 401, "unauthenticated");
        }
      });

      test("are refused once they are revoked, and only their account can revoke them", async () => {
        const { id, token } = await made();
        expectProblem(await as(bob).send("DELETE", `${TOKENS}/${id}`), 404, "token_not_found");
        expect((await me(token)).status).toBe(200);
        const revoked = await as(alice).send("DELETE", `${TOKENS}/${id}`);
        expect([revoked.status, revoked.text]).toEqual([204, ""]);
        expectProblem(await me(token), 401, "unauthenticated");
        expectProblem(await as(alice).send("DELETE", `${TOKENS}/${id}`), 404, "token_not_found");
        for (const nobodys of [crypto.randomUUID(), "x", "%00", "%F0%9F%94%91", "a".repeat(2_000), "'%20OR%201=1--"]) {
          expectProblem(await as(alice).send("DELETE", `${TOKENS}/${nobodys}`), 404, "token_not_found");
        }
      });

      test("of a disabled account are refused until it is enabled", async () => {
        const owner = await newAccount(registry(), "disabled");
        const { token } = await made({}, owner);
        const setDisabled = (disabledAt: Date | null) =>
          registry().deps.db.write(async ({ query, tables: { users } }) => {
            await query.update(users).set({ disabledAt }).where(eq(users.username, owner.username));
          });
        await setDisabled(new Date());
        for (const headers of [{ authorization: `Bearer ${token}` }, { "x-api-key": token }] as const) {
          expectProblem(await withHeaders(headers as Record<string, string>), 403, "account_disabled");
        }
        expectProblem(await publish(new Client(registry().url, token), "never", "1.0.0"), 403, "account_disabled");
        await setDisabled(null);
        expect((await me(token)).status).toBe(200);
      });
    });

    describe("record when they were last used", () => {
      test("at most once a minute, so that reads do not write", async () => {
        const start = Date.now();
        const at = (ms: number) => {
          registry().now = new Date(start + ms);
        };
        at(0);
        const { id, token } = await made();
        const lastUse = async () => (await listed()).find((item) => item.id === id)?.lastUsedAt;
        const use = async () => {
          database.writes = 0;
          expect((await me(token)).status).toBe(200);
          return database.writes;
        };
        expect(await lastUse()).toBeNull();
        for (const [ms, writes, used] of [
          [1_000, 1, 1_000],
          [1_000, 0, 1_000],
          [60_999, 0, 1_000],
          [61_000, 1, 61_000],
          [61_001, 0, 61_000],
        ] as const) {
          at(ms);
          expect([ms, await use(), await lastUse()]).toEqual([ms, writes, new Date(start + used).toISOString()]);
        }
      });

      test("once for many uses at the same time, with the time of the first", async () => {
        const { id, token } = await made();
        registry().now = new Date(Date.now() + 5_000);
        const answers = await Promise.all(Array.from({ length: 12 }, () => me(token)));
        expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
        const used = (await listed()).find((item) => item.id === id)?.lastUsedAt;
        expect(used).toBe(registry().now?.toISOString());
      });

      test("and stay valid when the disk is full", async () => {
        const { token } = await made();
        database.isFull = true;
        expect((await me(token)).status).toBe(200);
        expectProblem(await make({}), 507, "storage_full");
      });
    });

    describe("are limited", () => {
      test("to 100 of one account, also when they are made at once; ended tokens do not count", async () => {
        const owner = await newAccount(registry(), "collector");
        registry().now = new Date();
        await registry().deps.db.write(async ({ query, tables: { apiTokens, users } }) => {
          const [user] = await query.select().from(users).where(eq(users.username, owner.username));
          const now = registry().now ?? new Date();
          const row = (at: number) => ({
            id: crypto.randomUUID(),
            userId: user?.id ?? "",
            label: `${at}`,
            tokenSha256: sha256(Buffer.from(`${owner.username} ${at}`)),
            scopes: ["read"],
            packages: ["*"],
            createdAt: now,
            expiresAt: new Date(now.getTime() + (at < 90 ? DAY_MS : 0)),
          });
          await query.insert(apiTokens).values(Array.from({ length: 95 }, (_, at) => row(at)));
        });
        const answers = await Promise.all(Array.from({ length: 20 }, () => make({}, owner)));
        const statuses = answers.map(({ status }) => status).sort();
        expect(statuses).toEqual([...Array.from({ length: 10 }, () => 201), ...Array.from({ length: 10 }, () => 409)]);
        const refused = answers.find(({ status }) => status === 409);
        if (refused !== undefined) expectProblem(refused, 409, "limit_reached");
        const one = answers.find(({ status }) => status === 201);
        expect((await owner.send("DELETE", `${TOKENS}/${one?.body.id}`)).status).toBe(204);
        expect((await make({}, owner)).status).toBe(201);
        expectProblem(await make({}, owner), 409, "limit_reached");
      });
    });

    const pathsOf = (answer: Answer) => answer.body.errors.map(({ path }: Json) => path);
    const BAD_FIELDS: readonly [what: string, path: string, fields: object][] = [
      ["no label", "/label", { label: undefined }],
      ["an empty label", "/label", { label: "" }],
      ["a label of 101 characters", "/label", { label: "x".repeat(101) }],
      ["a label of two lines", "/label", { label: "a\nb" }],
      ["a label with NUL", "/label", { label: "a\0b" }],
      ["a label that is a number", "/label", { label: 7 }],
      ["no scopes", "/scopes", { scopes: undefined }],
      ["an empty list of scopes", "/scopes", { scopes: [] }],
      ["a scope that is text", "/scopes", { scopes: "read" }],
      ["an unknown scope", "/scopes/1", { scopes: ["read", "admin"] }],
      ["a scope in capitals", "/scopes/0", { scopes: ["READ"] }],
      ["six scopes", "/scopes", { scopes: ["read", "read", "read", "read", "read", "read"] }],
      ["an empty list of packages", "/packages", { packages: [] }],
      ["packages that are text", "/packages", { packages: "*" }],
      ["101 packages", "/packages", { packages: Array.from({ length: 101 }, (_, at) => `p${at}`) }],
      ["0 days", "/expiresInDays", { expiresInDays: 0 }],
      ["367 days", "/expiresInDays", { expiresInDays: 367 }],
      ["half a day", "/expiresInDays", { expiresInDays: 0.5 }],
      ["days that are text", "/expiresInDays", { expiresInDays: "soon" }],
      ["days that are null", "/expiresInDays", { expiresInDays: null }],
    ];
    test.each(BAD_FIELDS)("with %s are refused with 422, which names the field", async (_, path, fields) => {
      const answer = await make(fields);
      expectProblem(answer, 422, "validation_failed");
      expect(pathsOf(answer)).toEqual([path]);
    });

    test("with several mistakes are refused with all of them", async () => {
      const answer = await make({ label: "", scopes: ["x"], packages: ["A"], expiresInDays: 0 });
      expect(pathsOf(answer).sort()).toEqual(["/expiresInDays", "/label", "/packages/0", "/scopes/0"]);
    });

    const PATTERNS = ["a", "foo", "foo-bar.baz_1", "*", "foo-*", "foo*", "foo.*", "foo_*", "foo-bar-*", "0*"];
    const LONGEST = ["a".repeat(64), `${"a".repeat(64)}*`];
    test.each([...PATTERNS, ...LONGEST])("accept the pattern %s", async (pattern) => {
      const owner = await newAccount(registry(), "pattern");
      expect((await made({ packages: [pattern] }, owner)).packages).toEqual([pattern]);
    });

    const BAD_PATTERNS = [
      "",
      " ",
      "-foo",
      "foo-",
      "Foo",
      "*foo",
      "fo*o",
      "foo**",
      "**",
      "foo--*",
      "foo..bar",
      "foo-.*",
    ];
    const WORSE = ["foo/*", "foo bar", "foo%", "foo?", "[a-z]*", "foo\n", "foo\0", "föö", "../*", "a".repeat(66)];
    test.each([...BAD_PATTERNS, ...WORSE, 7, null, {}])("refuse the pattern %j", async (pattern) => {
      const answer = await make({ packages: ["fine", pattern] });
      expectProblem(answer, 422, "validation_failed");
      expect(pathsOf(answer)).toEqual(["/packages/1"]);
    });
  },
  OPTIONS,
);
