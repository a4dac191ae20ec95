type AllOf<T extends readonly unknown[]> = { -readonly [P in keyof T]: Awaited<T[P]> };

/**
 * Runs statements that need nothing of each other at once: Postgres gets them in one message, and answers in their order.
 * Ends when all have ended, because nothing of a transaction may go on after it; of failures, the first in order counts.
 */
export async function pipelined<T extends readonly unknown[] | []>(running: T): Promise<AllOf<T>> {
  // A query of Drizzle would run again whenever somebody waits for it.
  const started = running.map(async (one) => one);
  await Promise.allSettled(started);
  return (await Promise.all(started)) as AllOf<T>;
}
