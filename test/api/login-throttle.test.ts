import { beforeEach, describe, expect, test } from "bun:test";
import { inArray } from "drizzle-orm";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { resetPassword } from "../../src/moderation/reset-password.ts";
import { disableAccount } from "../../src/moderation/set-disabled.ts";
import { type Answer, Client, expectProblem, newAccount, PASSWORD } from "../support/client.ts";
import { testPostgres } from "../support/postgres.ts";
import { onBothDatabases, startRegistry, type TestRegistry } from "../support/registry.ts";

const WRONG = "a wrong password";
const BEHIND_PROXY = { env: { TRUSTED_PROXIES: "127.0.0.1" } };
const DAY_SECONDS = 24 * 60 * 60;

let clients = 0;

/** An address that nobody had before. */
function newAddress(): string {
  clients += 1;
  return `10.${clients >> 16}.${(clients >> 8) & 255}.${clients & 255}`;
}

/** The address of attempts that name none. */
let here = newAddress();

let names = 0;

/** A name that has no account and no failures. */
function newName(): string {
  names += 1;
  return `nobody-${names}`;
}

function login({ url }: TestRegistry, username: string, password: string, address = here): Promise<Answer> {
  return new Client(url).post("/api/auth/login", { username, password }, { "x-forwarded-for": address });
}

/** Failed logins without a pause. */
async function fail(registry: TestRegistry, username: string, times: number, address = here): Promise<void> {
  for (let at = 0; at < times; at += 1) {
    expectProblem(await login(registry, username, WRONG, address), 401, "invalid_credentials");
  }
}

function expectWait(answer: Answer, seconds: number): void {
  expectProblem(answer, 429, "too_many_attempts");
  expect(answer.headers.get("retry-after")).toBe(String(seconds));
}

function pass(registry: TestRegistry, seconds: number): void {
  if (registry.now === undefined) throw new Error("The clock does not stand still");
  registry.now = new Date(registry.now.getTime() + seconds * 1_000);
}

function failureRows({ deps }: TestRegistry) {
  return deps.db.read(({ query, tables }) => query.select().from(tables.loginFailures));
}

async function forgetEverything({ deps }: TestRegistry): Promise<void> {
  await deps.db.write(async ({ query, tables }) => {
    await query.delete(tables.loginFailures);
    await query.delete(tables.loginNetworks);
  });
}

onBothDatabases(
  "failed logins of a name from one network",
  (registry) => {
    beforeEach(async () => {
      here = newAddress();
      registry().now = new Date("2026-03-01T12:00:00.250Z");
      await forgetEverything(registry());
    });

    test("from the fifth failure on, a name waits 1, 2, 4 … 300 s, and attempts meanwhile do not count", async () => {
      const { username } = await newAccount(registry());
      await fail(registry(), username, 5);
      for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
        for (const password of [WRONG, PASSWORD]) {
          expectWait(await login(registry(), username, password), seconds);
        }
        pass(registry(), seconds - 0.001);
        expectWait(await login(registry(), username, WRONG), 1);
        pass(registry(), 0.001);
        await fail(registry(), username, 1);
      }
      pass(registry(), 299);
      expectWait(await login(registry(), username, PASSWORD), 1);
      pass(registry(), 1);
      expect((await login(registry(), username, PASSWORD)).status).toBe(200);
    });

    test("a clock that is set back by an hour makes no login wait for that hour", async () => {
      const { username } = await newAccount(registry());
      await fail(registry(), username, 5);
      pass(registry(), -3_600);
      expect((await login(registry(), username, PASSWORD)).status).toBe(200);
      await fail(registry(), username, 5);
      expectWait(await login(registry(), username, PASSWORD), 1);
    });

    test("a successful login deletes the failures before it", async () => {
      const { username } = await newAccount(registry());
      for (let round = 0; round < 2; round += 1) {
        await fail(registry(), username, 4);
        expect((await login(registry(), username, PASSWORD)).status).toBe(200);
      }
      await fail(registry(), username, 5);
      expectWait(await login(registry(), username, WRONG), 1);
    });

    test("failures by name do not count for the e-mail address, so nobody learns that both are one account", async () => {
      const { username } = await newAccount(registry());
      const other = await newAccount(registry());
      const email = `${username}@example.org`;
      for (const spelling of [username, username.toUpperCase(), username, username, username]) {
        await fail(registry(), spelling, 1);
      }
      for (const spelling of [username, username.toUpperCase()]) {
        expectWait(await login(registry(), spelling, PASSWORD), 1);
      }
      await fail(registry(), email, 4);
      await fail(registry(), email.toUpperCase(), 1);
      expectWait(await login(registry(), email, PASSWORD), 1);
      expect((await login(registry(), other.username, PASSWORD)).status).toBe(200);
    });

    test("a stranger's failures lock the account out on the stranger's network only", async () => {
      const { username } = await newAccount(registry());
      for (let at = 0; at < 14; at += 1) {
        await login(registry(), username, WRONG);
        pass(registry(), 300);
      }
      await fail(registry(), username, 1);
      expectWait(await login(registry(), username, PASSWORD), 300);
      expect((await login(registry(), username, PASSWORD, newAddress())).status).toBe(200);
      expectWait(await login(registry(), username, PASSWORD), 300);
    });

    test("a name without an account is throttled like one with an account", async () => {
      const { username } = await newAccount(registry());
      const answersTo = async (name: string) => {
        const answers: unknown[] = [];
        for (const seconds of [DAY_SECONDS, 0, 0, 0, 0, 0, 0.5, 0.5, 0, 2, 0, 3.9, 0.1, 0, DAY_SECONDS, 0]) {
          pass(registry(), seconds);
          const { status, headers, body } = await login(registry(), name, WRONG);
          const kept = ["retry-after", "www-authenticate", "cache-control"].map((field) => headers.get(field));
          answers.push([status, kept, { ...body, requestId: "" }]);
        }
        return answers;
      };
      const known = await answersTo(username);
      expect(await answersTo(newName())).toEqual(known);
      expect(await answersTo("nobody@nowhere.example")).toEqual(known);
      expect(new Set(known.map((answer) => JSON.stringify(answer))).size).toBeGreaterThan(3);
      const name = newName();
      for (const spelling of [name, name.toUpperCase(), name, name, name]) await fail(registry(), spelling, 1);
      expectWait(await login(registry(), name, WRONG), 1);
    });

    test("failures are forgotten after a day without any, and not before", async () => {
      const { username } = await newAccount(registry());
      await fail(registry(), username, 5);
      pass(registry(), DAY_SECONDS - 1);
      await fail(registry(), username, 1);
      expectWait(await login(registry(), username, WRONG), 2);
      pass(registry(), DAY_SECONDS);
      await fail(registry(), username, 5);
      expectWait(await login(registry(), username, WRONG), 1);
    });

    test("a password reset by an administrator ends the wait", async () => {
      const { username } = await newAccount(registry());
      await fail(registry(), username, 5);
      const password = "given by an administrator";
      await resetPassword(registry().deps, OPERATOR, username, { password, retireKeys: false });
      expect((await login(registry(), username, password)).status).toBe(200);
    });

    test("password guesses with a session are throttled together with logins", async () => {
      const account = await newAccount(registry());
      const change = (currentPassword: string, newPassword = "a brand new passphrase") =>
        account.post("/api/auth/password", { currentPassword, newPassword }, { "x-forwarded-for": here });
      await fail(registry(), account.username, 2);
      for (let at = 0; at < 3; at += 1) expectProblem(await change(WRONG), 401, "invalid_credentials");
      for (const password of [WRONG, PASSWORD]) expectWait(await change(password), 1);
      expectWait(await login(registry(), account.username, PASSWORD), 1);
      pass(registry(), 1);
      expect((await change(PASSWORD)).status).toBe(204);
      await fail(registry(), account.username, 4);
      expect((await login(registry(), account.username, "a brand new passphrase")).status).toBe(200);
    });

    test("only the correct password reveals that an account is disabled, and it does not count as a failure", async () => {
      const { username } = await newAccount(registry());
      const { deps } = registry();
      const now = deps.clock();
      await deps.db.write(async ({ query, tables: { users } }) => {
        await query
          .update(users)
          .set({ disabledAt: now })
          .where(inArray(users.username, [username]));
      });
      for (let at = 0; at < 6; at += 1) {
        expectProblem(await login(registry(), username, PASSWORD), 403, "account_disabled");
      }
      await fail(registry(), username, 5);
      expectWait(await login(registry(), username, PASSWORD), 1);
    });

    test("fifty concurrent failures are counted one by one", async () => {
      const { username } = await newAccount(registry());
      for (const name of [username, newName()]) {
        await forgetEverything(registry());
        const answers = await Promise.all(Array.from({ length: 50 }, () => login(registry(), name, WRONG)));
        expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
        for (const answer of answers) if (answer.status !== 401) expectWait(answer, 1);
        const counted = (await failureRows(registry())).filter(({ key }) => !key.startsWith("network:"));
        expect(counted.map(({ failures }) => failures)).toEqual([5, 5]);
      }
    });

    test("failures store no typed text, and old rows are deleted in batches", async () => {
      const { username } = await newAccount(registry());
      await fail(registry(), username, 1);
      await fail(registry(), "pasted-a-password-here", 1);
      const rows = await failureRows(registry());
      // Two names, each alone and with the network; the network alone; and the registration.
      expect(rows).toHaveLength(6);
      for (const { key } of rows) expect(key).toMatch(/^(login|name|network|register):[0-9a-f]{64}$/);
      const { deps, now = new Date() } = registry();
      await deps.db.write(async ({ query, tables }) => {
        const old = Array.from({ length: 244 }, (_, at) => ({
          key: `login:${at}`,
          failures: 1,
          since: now,
          lastAt: now,
        }));
        await query.insert(tables.loginFailures).values(old);
      });
      pass(registry(), DAY_SECONDS);
      for (const left of [152, 54, 7]) {
        await fail(registry(), newName(), 1);
        expect(await failureRows(registry())).toHaveLength(left);
      }
    });
  },
  BEHIND_PROXY,
);

onBothDatabases(
  "failed logins from an address",
  (registry) => {
    beforeEach(async () => {
      here = newAddress();
      registry().now = new Date("2026-03-01T12:00:00.250Z");
      await forgetEverything(registry());
    });

    const failFrom = async (address: string, times: number) => {
      for (let at = 0; at < times; at += 1) {
        expectProblem(await login(registry(), newName(), WRONG, address), 401, "invalid_credentials");
      }
    };

    test("after twenty failures in a minute, an address waits for the minute, even with the right password", async () => {
      const { username } = await newAccount(registry());
      await failFrom("192.0.2.1", 1);
      pass(registry(), 30);
      await failFrom("192.0.2.1", 19);
      for (const name of [username, newName()]) expectWait(await login(registry(), name, PASSWORD, "192.0.2.1"), 30);
      expect((await login(registry(), username, PASSWORD, "192.0.2.2")).status).toBe(200);
      pass(registry(), 29.999);
      expectWait(await login(registry(), username, PASSWORD, "192.0.2.1"), 1);
      pass(registry(), 0.001);
      expect((await login(registry(), username, PASSWORD, "192.0.2.1")).status).toBe(200);
      await failFrom("192.0.2.1", 20);
      expectWait(await login(registry(), username, PASSWORD, "192.0.2.1"), 60);
    });

    test("successful logins neither count for an address nor delete its failures", async () => {
      const { username } = await newAccount(registry());
      await failFrom("192.0.2.3", 19);
      for (let at = 0; at < 3; at += 1) {
        expect((await login(registry(), username, PASSWORD, "192.0.2.3")).status).toBe(200);
      }
      await failFrom("192.0.2.3", 1);
      expectWait(await login(registry(), username, PASSWORD, "192.0.2.3"), 60);
    });

    test("Retry-After is the longer of the waits of name and address", async () => {
      const name = newName();
      for (let at = 0; at < 5; at += 1) await login(registry(), name, WRONG, "192.0.2.4");
      await failFrom("192.0.2.4", 15);
      expectWait(await login(registry(), name, WRONG, "192.0.2.4"), 60);
      pass(registry(), 59.5);
      expectWait(await login(registry(), newName(), WRONG, "192.0.2.4"), 1);
    });

    test("a /48 of IPv6 counts as one address in any spelling, and the next /48 as another", async () => {
      const spellings = [
        "2001:db8:0:1::1",
        "2001:DB8:0:2:ffff::",
        "2001:0db8:0000:ffff:1:2:3:4",
        "[2001:db8:0:a::5]:443",
      ];
      for (const spelling of spellings) await failFrom(spelling, 5);
      for (const spelling of spellings) expectWait(await login(registry(), newName(), WRONG, spelling), 60);
      await failFrom("2001:db8:1:1::1", 1);
    });

    test("entries of X-Forwarded-For before the one of the proxy are ignored", async () => {
      for (let at = 0; at < 20; at += 1) await failFrom(`198.51.100.${at}, 192.0.2.6`, 1);
      expectWait(await login(registry(), newName(), WRONG, "198.51.100.99, 192.0.2.6"), 60);
      expectWait(await login(registry(), newName(), WRONG, "192.0.2.6, 127.0.0.1"), 60);
    });

    test("fifty concurrent failures are counted one by one", async () => {
      const tries = Array.from({ length: 50 }, () => login(registry(), newName(), WRONG, "192.0.2.7"));
      const answers = await Promise.all(tries);
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(20);
      for (const answer of answers) if (answer.status !== 401) expectWait(answer, 60);
      const counted = (await failureRows(registry())).filter(({ key }) => key.startsWith("network:"));
      expect(counted.map(({ failures }) => failures)).toEqual([20]);
    });
  },
  BEHIND_PROXY,
);

onBothDatabases(
  "failed logins of a name from many networks",
  (registry) => {
    beforeEach(async () => {
      here = newAddress();
      registry().now = new Date("2026-03-01T12:00:00.250Z");
      await forgetEverything(registry());
    });

    const failFromMany = async (name: string) => {
      for (let at = 0; at < 25; at += 1) await fail(registry(), name, 4, newAddress());
    };

    test("after a hundred in an hour, a new network waits and one that logged in before does not", async () => {
      const { username } = await newAccount(registry());
      expect((await login(registry(), username, PASSWORD, here)).status).toBe(200);
      await failFromMany(username);
      expectWait(await login(registry(), username, PASSWORD, newAddress()), 3_600);
      await fail(registry(), username, 5);
      expectWait(await login(registry(), username, PASSWORD), 1);
      pass(registry(), 1);
      expect((await login(registry(), username, PASSWORD)).status).toBe(200);
      expectWait(await login(registry(), username, PASSWORD, newAddress()), 3_599);
      pass(registry(), 3_599);
      expect((await login(registry(), username, PASSWORD, newAddress())).status).toBe(200);
    });

    test("a name without an account waits like one with an account", async () => {
      const name = newName();
      await failFromMany(name);
      expectWait(await login(registry(), name, WRONG), 3_600);
    });

    test.each(["log out everywhere", "disable the account"])("an eviction forgets the networks: %s", async (how) => {
      const { username } = await newAccount(registry());
      const { body } = await login(registry(), username, PASSWORD, here);
      expect(await networkCount()).toBeGreaterThan(0);
      const account = new Client(registry().url, body.token, username);
      if (how === "disable the account") {
        await disableAccount(registry().deps, OPERATOR, username, { retireKeys: false });
      } else {
        expect((await account.post("/api/auth/logout", { everywhere: true })).status).toBe(200);
      }
      expect(await networkCount()).toBe(0);
    });

    test("a password reset forgets the networks, and the failures of name and e-mail address", async () => {
      const { username } = await newAccount(registry());
      const email = `${username}@example.org`;
      await failFromMany(username);
      await failFromMany(email);
      const password = "given by an administrator";
      await resetPassword(registry().deps, OPERATOR, username, { password, retireKeys: false });
      expect(await networkCount()).toBe(0);
      const left = (await failureRows(registry())).filter(({ nameDigest }) => nameDigest !== null);
      expect(left).toEqual([]);
      for (const name of [username, email]) {
        expect((await login(registry(), name, password)).status).toBe(200);
      }
    });

    const networkCount = () => registry().deps.db.read(({ query, tables }) => query.$count(tables.loginNetworks));

    test("an account is remembered on its last twenty networks", async () => {
      const { username } = await newAccount(registry());
      const first = newAddress();
      for (const address of [first, ...Array.from({ length: 20 }, newAddress)]) {
        pass(registry(), 1);
        expect((await login(registry(), username, PASSWORD, address)).status).toBe(200);
      }
      expect(await networkCount()).toBe(20);
      await failFromMany(username);
      expectWait(await login(registry(), username, PASSWORD, first), 3_600);
    });
  },
  BEHIND_PROXY,
);

onBothDatabases("failed logins without a proxy", (registry) => {
  test("X-Forwarded-For is ignored without a trusted proxy", async () => {
    registry().now = new Date("2026-03-01T12:00:00Z");
    await fail(registry(), newName(), 4);
    for (let at = 0; at < 16; at += 1) await fail(registry(), newName(), 1);
    expectWait(await login(registry(), newName(), WRONG), 60);
  });
});

describe("login throttling by replicas", () => {
  test("replicas on one Postgres count and delete failures together", async () => {
    const postgres = await testPostgres();
    const databaseUrl = await postgres.createDatabase();
    const env = { ...BEHIND_PROXY.env, DATABASE_URL: databaseUrl };
    const [one, other] = [await startRegistry("postgres", { env }), await startRegistry("postgres", { env })];
    try {
      for (const replica of [one, other]) replica.now = new Date("2026-03-01T12:00:00Z");
      const { username } = await newAccount(one);
      for (const replica of [one, other, one, other, one]) await fail(replica, username, 1);
      for (const replica of [one, other]) expectWait(await login(replica, username, PASSWORD), 1);
      for (const replica of [one, other]) pass(replica, 1);
      expect((await login(other, username, PASSWORD)).status).toBe(200);
      for (let at = 0; at < 20; at += 1) {
        expect((await login(at % 2 === 0 ? one : other, newName(), WRONG, "192.0.2.1")).status).toBe(401);
      }
      for (const replica of [one, other]) expectWait(await login(replica, username, PASSWORD, "192.0.2.1"), 60);
    } finally {
      await one.stop();
      await other.stop();
      await postgres.dropDatabase(databaseUrl);
    }
  });
});
