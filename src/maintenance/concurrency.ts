/**
 * Works on items, at most `concurrency` of them at a time, reading no further ahead than that. The first failure ends it:
 * what runs already is waited for, nothing more begins, and the failure is thrown.
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
      // Generators answer their callers one after the other, in turn.
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

/** Puts items together in lists of at most `max`. */
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
