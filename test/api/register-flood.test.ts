import { expect, test } from "bun:test";
import { Client, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

const AT_ONCE = 120;
const LOGINS = 10;

let names = 0;

/** A name that nobody has. */
function newName(): string {
  names += 1;
  return `crowd-${names}`;
}

onBothDatabases(
  "many registrations at once from one address",
  (registry) => {
    const from = (address: string) => ({ "x-forwarded-for": address });
    const register = (guest: Client, username: string) => {
      const fields = { username, email: `${username}@example.com`, password: PASSWORD };
      return guest.post("/api/auth/register", fields, from("192.0.2.1"));
    };

    test.each([
      ["names that are taken", (taken: string) => taken, [409, 503]],
      ["new names", newName, [201, 503]],
    ] as const)("of %s keep nobody at another address from logging in", async (_, nameFrom, answered) => {
      const { url } = registry();
      const { username } = await newAccount({ url });
      const guest = new Client(url);
      const statuses = new Set<number>();
      let isOver = false;
      const registering = Array.from({ length: AT_ONCE }, async () => {
        while (!isOver) {
          statuses.add((await register(guest, nameFrom(username))).status);
        }
      });
      await Bun.sleep(200);
      const logins: number[] = [];
      for (let at = 0; at < LOGINS; at += 1) {
        const sent = { username, password: PASSWORD };
        logins.push((await guest.post("/api/auth/login", sent, from("192.0.2.2"))).status);
      }
      isOver = true;
      await Promise.all(registering);
      expect(logins).toEqual(Array.from({ length: LOGINS }, () => 200));
      expect(statuses).toContain(answered[0]);
      expect([...statuses].filter((status) => !answered.some((one) => one === status))).toEqual([]);
    });

    test("keep nobody at the same address from logging in", async () => {
      const { url } = registry();
      const { username } = await newAccount({ url });
      const guest = new Client(url);
      const registering = Array.from({ length: AT_ONCE }, () => register(guest, newName()));
      const login = await guest.post("/api/auth/login", { username, password: PASSWORD }, from("192.0.2.1"));
      expect(login.status).toBe(200);
      await Promise.all(registering);
    });
  },
  { env: { TRUSTED_PROXIES: "127.0.0.1" } },
);
