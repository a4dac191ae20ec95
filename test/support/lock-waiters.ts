import { sql } from "drizzle-orm";
import type { TestRegistry } from "./registry.ts";
import { waitUntil } from "./wait-until.ts";

/** Waits until exactly `count` transactions of a registry on Postgres wait for a lock. */
export async function untilLockWaiters({ deps }: TestRegistry, count: number): Promise<void> {
  const statement = sql`SELECT count(*)::int AS waiting FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  const waiting = async () =>
    (await deps.db.read((session) => session.rows<{ waiting: number }>(statement)))[0]?.waiting;
  await waitUntil(async () => (await waiting()) === count, `${count} transactions wait for a lock`);
}
