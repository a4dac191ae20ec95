/**
 * Works on at most `concurrency` items at a time and reads no further ahead. The first failure ends
 * it: running work is awaited, no new work begins, and the failure is thrown.
 */
export async function forEachConcurrently<T>(
  items: AsyncIterable<T> | Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const source = each(items);
  const failures: unknown[] = [];
  const worker = async () => {
    try {
      // An async generator answers concurrent calls of `next` one after the other.
      for (let next = await source.next(); !next.done && failures.length === 0; next = await source.next()) {
        await work(next.value);
      }
    } catch (cause) {
      failures.push(cause);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  await source.return();
  if (failures.length > 0) throw failures[0];
}

async function* each<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void, void> {
  yield* items;
}

/** Groups items into lists of at most `max`. */
export async function* batchesOf<T>(items: AsyncIterable<T>, max: number): AsyncGenerator<readonly T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < max) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
