import { keepResult } from "./results.ts";

/** The value that the given percentage of all values does not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

/**
 * Prints the median and the 99th percentile of some durations, with the goal of the latter where
 * there is one, and keeps both for the results file.
 */
export function reportLatency(what: string, samplesMs: readonly number[], goalMs?: number): void {
  const [p50, p99] = [percentile(samplesMs, 50), percentile(samplesMs, 99)];
  const goal = goalMs === undefined ? "" : `≤ ${goalMs} ms`;
  const [shown50, shown99] = [p50, p99].map((ms) => ms.toFixed(2).padStart(7));
  console.log(`${what.padEnd(46)}p50 ${shown50} ms   p99 ${shown99} ms   ${goal && `p99 ${goal}`}`.trimEnd());
  const common = { low: null, high: null, unit: "ms", digits: 2 };
  keepResult(`${what}, p50`, { ...common, median: p50, goal: "" });
  keepResult(`${what}, p99`, { ...common, median: p99, goal });
}

/**
 * Sends one GET and returns how many milliseconds the whole answer took. Throws unless the status
 * is 200.
 */
export async function timeOf(address: string): Promise<number> {
  const startedMs = performance.now();
  const response = await fetch(address);
  await response.arrayBuffer();
  const ms = performance.now() - startedMs;
  if (response.status !== 200) throw new Error(`${address} answered ${response.status}`);
  return ms;
}
