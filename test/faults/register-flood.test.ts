import { expect, test } from "bun:test";
import { Client, newAccount, PASSWORD } from "../support/client.ts";
import { hashAtFullCost } from "../support/password-cost.ts";
import { onBothDatabases } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

hashAtFullCost();

const CONCURRENCY = 120;
const LOGINS = 3;

let names = 0;

/** A name that nobody has. */
function newName(): string {
  names += 1;
  return `crowd-${names}`;
}

onBothDatabases(
  "many registrations at once",
  (registry) => {
    const from = (address: string) => ({ "x-forwarded-for": address });
    const register = (guest: Client, username: string, address: string) => {
      const fields = { username, email: `${username}@example.com`, password: PASSWORD };
      return guest.post("/api/auth/register", fields, from(address));
    };

    test.each([
      ["a taken name from many addresses", (taken: string) => taken, (at: number) => `198.51.100.${at}`, [409]],
      ["new names from one address", newName, () => "192.0.2.1", [201, 503]],
    ] as const)(
      "many registrations of %s delay no login, neither on this server nor on another",
      async (_, nameFrom, addressOf, answered) => {
        const { url } = registry();
        const { username } = await newAccount({ url });
        const guest = new Client(url);
        const statuses = new Set<number>();
        let isOver = false;
        const registering = Array.from({ length: CONCURRENCY }, async (_, at) => {
          while (!isOver) {
            const { status } = await register(guest, nameFrom(username), addressOf(at));
            statuses.add(status);
            // Lets other clients send their requests in between.
            if (status === 503) await Bun.sleep(50);
          }
        });
        await waitUntil(() => statuses.size > 0, "a registration is answered");
        const logins: number[] = [];
        for (let at = 0; at < LOGINS; at += 1) {
          const sent = { username, password: PASSWORD };
          for (const address of ["192.0.2.1", "192.0.2.2"]) {
            logins.push((await guest.post("/api/auth/login", sent, from(address))).status);
          }
        }
        isOver = true;
        await Promise.all(registering);
        expect(logins).toEqual(Array.from({ length: 2 * LOGINS }, () => 200));
        expect([...statuses].sort()).toEqual([...answered]);
      },
    );
  },
  { env: { TRUSTED_PROXIES: "127.0.0.1" } },
);
