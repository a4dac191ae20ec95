type AllOf<T extends readonly unknown[]> = { -readonly [P in keyof T]: Awaited<T[P]> };

/**
 * Runs independent statements at once. Postgres receives them in one message and answers in their
 * order. The promise settles when all of them have settled, because no statement may outlive its
 * transaction. If several fail, the first in order is thrown.
 */
export async function pipelined<T extends readonly unknown[] | []>(running: T): Promise<AllOf<T>> {
  // A Drizzle query runs again each time it is awaited.
  const started = running.map(async (one) => one);
  await Promise.allSettled(started);
  return (await Promise.all(started)) as AllOf<T>;
}
