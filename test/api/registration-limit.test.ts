import { beforeEach, expect, test } from "bun:test";
import { createAccount } from "../../src/accounts/register.ts";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { Client, expectProblem, PASSWORD } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

let names = 0;

/** A name that nobody has and that resembles no other. */
function newName(): string {
  names += 1;
  return `guest-number-${names}`;
}

onBothDatabases(
  "registrations from one address",
  (registry) => {
    beforeEach(() => {
      const last = registry().now ?? new Date("2026-03-01T12:00:00Z");
      registry().now = new Date(last.getTime() + 2 * 60 * 60 * 1_000);
    });

    const register = (username: string, address: string) => {
      const fields = { username, email: `${username}@example.org`, password: PASSWORD };
      return new Client(registry().url).post("/api/auth/register", fields, { "x-forwarded-for": address });
    };
    const pass = (seconds: number) => {
      registry().now = new Date((registry().now ?? new Date()).getTime() + seconds * 1_000);
    };

    test("the twenty-first in an hour is refused with the time to wait, and other addresses go on", async () => {
      for (let at = 0; at < 20; at += 1) expect((await register(newName(), "192.0.2.1")).status).toBe(201);
      pass(600);
      const refused = await register(newName(), "192.0.2.1");
      expectProblem(refused, 429, "too_many_registrations");
      expect(refused.headers.get("retry-after")).toBe("3000");
      expect((await register(newName(), "192.0.2.2")).status).toBe(201);
      pass(3_000);
      expect((await register(newName(), "192.0.2.1")).status).toBe(201);
    });

    test("rotating addresses within a /48 of IPv6 are one address", async () => {
      for (let at = 0; at < 20; at += 1) {
        expect((await register(newName(), `2001:db8:7:${at}::1`)).status).toBe(201);
      }
      expectProblem(await register(newName(), "2001:db8:7:ffff::1"), 429, "too_many_registrations");
      expect((await register(newName(), "2001:db8:8::1")).status).toBe(201);
    });

    test("registrations that are refused as taken count too", async () => {
      const name = newName();
      expect((await register(name, "192.0.2.3")).status).toBe(201);
      for (let at = 1; at < 20; at += 1) expectProblem(await register(name, "192.0.2.3"), 409, "username_taken");
      expectProblem(await register(name, "192.0.2.3"), 429, "too_many_registrations");
    });

    test("twenty-five at once make twenty accounts", async () => {
      const answers = await Promise.all(Array.from({ length: 25 }, () => register(newName(), "192.0.2.4")));
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([...Array.from({ length: 20 }, () => 201), ...Array.from({ length: 5 }, () => 429)]);
    });
  },
  { env: { TRUSTED_PROXIES: "127.0.0.1", REGISTRATIONS_PER_HOUR: "20" } },
);

onBothDatabases("a user name", (registry) => {
  const register = (username: string) =>
    new Client(registry().url).post("/api/auth/register", {
      username,
      email: `${crypto.randomUUID()}@example.org`,
      password: PASSWORD,
    });

  test.each(["admin", "Root", "cpm", "registry", "Adm1n", "r00t", "re-gistry", "c_p_m", "SUPPORT", "cprn"])(
    "%s is reserved or resembles a reserved one, and is refused",
    async (username) => {
      expectProblem(await register(username), 409, "username_reserved");
    },
  );

  test("is refused where it looks like that of another account", async () => {
    for (const username of ["alice", "my-user", "Morning"]) expect((await register(username)).status).toBe(201);
    for (const username of ["aIice", "a1ice", "ALlCE", "al-ice", "my_user", "my.user", "MyUser", "moming"]) {
      expectProblem(await register(username), 409, "username_too_similar");
    }
    for (const username of ["Alice", "MY-USER"]) expectProblem(await register(username), 409, "username_taken");
    for (const username of ["alices", "bob", "my-user-2"]) expect((await register(username)).status).toBe(201);
  });

  test("that looks like another is refused to all but one of many registrations at once", async () => {
    const answers = await Promise.all(["willi", "wi11i", "wllll", "w-i-l-l-i", "WILLI"].map(register));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(4);
  });

  test("that is reserved is given by the operator, but not one that looks like another", async () => {
    const { deps } = registry();
    const make = (username: string) =>
      createAccount(deps, { username, email: `${username}@localhost`, password: PASSWORD }, "user", () => OPERATOR);
    expect((await make("admin")).username).toBe("admin");
    expect(make("adm1n")).rejects.toMatchObject({ error: { code: "username_too_similar" } });
  });
});
