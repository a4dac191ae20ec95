/**
 * Returns the result of `work`, or throws a `TimeoutError` after `maxMs`. `work` is not cancelled:
 * it goes on, and its result or failure is ignored.
 */
export async function withTimeout<T>(maxMs: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DOMException("No answer in time", "TimeoutError")), maxMs);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
