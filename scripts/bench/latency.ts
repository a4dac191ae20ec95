/** The value below which so many hundredths of all are. */
export function percentile(values: readonly number[], hundredths: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * hundredths) / 100) - 1)] ?? Number.NaN;
}

/** One line of a report: median and 99th percentile in milliseconds, and the goal of the latter where there is one. */
export function latencyRow(what: string, samplesMs: readonly number[], goalMs?: number): string {
  const [p50, p99] = [50, 99].map((hundredths) => percentile(samplesMs, hundredths).toFixed(2));
  const goal = goalMs === undefined ? "" : `p99 ≤ ${goalMs} ms`;
  return `${what.padEnd(46)}p50 ${p50?.padStart(7)} ms   p99 ${p99?.padStart(7)} ms   ${goal}`.trimEnd();
}

/** Asks one question and returns how many milliseconds the whole answer took. Throws unless it is 200. */
export async function timeOf(address: string): Promise<number> {
  const startedMs = performance.now();
  const response = await fetch(address);
  await response.arrayBuffer();
  const ms = performance.now() - startedMs;
  if (response.status !== 200) throw new Error(`${address} answered ${response.status}`);
  return ms;
}
