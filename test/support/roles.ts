import { and, asc, eq, like } from "drizzle-orm";
import { areFinal } from "../../src/events/final-events.ts";
import { Client, newAccount } from "./client.ts";
import type { TestRegistry } from "./registry.ts";
import { waitUntil } from "./wait-until.ts";

/** Makes an account and grants it the administrator's role, as an operator does. */
export async function newAdmin(registry: Pick<TestRegistry, "url" | "deps">): Promise<Client> {
  const admin = await newAccount(registry, "admin");
  await registry.deps.db.write(async ({ query, tables: { users } }) => {
    await query.update(users).set({ role: "admin" }).where(eq(users.username, admin.username));
  });
  return admin;
}

/** Returns the same account with an API token. */
export async function withToken(client: Client, scopes: readonly string[], packages?: readonly string[]) {
  const made = await client.post("/api/auth/tokens", { label: "a test", scopes, packages });
  if (made.status !== 201) throw new Error(`a token answered ${made.status}: ${made.text}`);
  return new Client(client.base, made.body.token, client.username);
}

/**
 * Waits until the feeds show every event. On Postgres, feeds wait for open transactions of the
 * whole server, and other tests have some in other databases.
 */
export async function eventsAreFinal({ deps }: TestRegistry): Promise<void> {
  const shown = () =>
    deps.db.read(({ query, tables }) => query.$count(tables.events, areFinal(deps.db.kind, tables.events)));
  const all = await deps.db.read(({ query, tables }) => query.$count(tables.events));
  await waitUntil(async () => (await shown()) >= all, "every transaction of this Postgres has ended");
}

/**
 * Returns the events of a package, or those without a package, in their order, by a prefix of their
 * kind.
 */
export async function eventsOf({ deps }: TestRegistry, kinds: string, packageName?: string) {
  const rows = await deps.db.read(({ query, tables: { events } }) =>
    query
      .select()
      .from(events)
      .where(
        and(
          like(events.kind, `${kinds}%`),
          packageName === undefined ? undefined : eq(events.packageName, packageName),
        ),
      )
      .orderBy(asc(events.id)),
  );
  return rows.map(({ kind, username, version, tokenId, details }) => ({
    kind,
    by: username,
    withToken: tokenId !== null,
    version,
    details,
  }));
}
