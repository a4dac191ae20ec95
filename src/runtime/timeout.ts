/** What `work` gives, or a `TimeoutError` once `maxMs` have passed; `work` itself goes on, and nobody waits for it. */
export async function within<T>(maxMs: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DOMException("No answer in time", "TimeoutError")), maxMs);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
