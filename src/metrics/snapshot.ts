import { AggregatorRegistry, type Registry } from "prom-client";

/**
 * The metrics of one process, as it sends them to another one. Gauges say how things are now;
 * everything else counts from the start.
 */
export type Snapshot = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

const isGauge = ({ type }: Snapshot[number]) => String(type) === "gauge";

/** Returns the metrics of a process without the series that are still 0. */
export async function snapshotOf(registry: Registry): Promise<Snapshot> {
  const metrics = await registry.getMetricsAsJSON();
  const counted = (metric: Snapshot[number]) => ({
    ...metric,
    values: metric.values.filter(({ value }) => value !== 0),
  });
  return metrics.map((metric) => (isGauge(metric) ? metric : counted(metric)));
}

/** Adds up the metrics of several processes. */
export function sumOf(snapshots: readonly Snapshot[]): Promise<Snapshot> {
  return AggregatorRegistry.aggregate([...snapshots]).getMetricsAsJSON();
}

/**
 * Returns what counts on of processes that have ended: the sums would otherwise fall, and
 * Prometheus would take that for a restart.
 */
export function withoutGauges(snapshot: Snapshot): Snapshot {
  return snapshot.filter((metric) => !isGauge(metric));
}

/**
 * Writes the sum of all processes in Prometheus' text format. `own` is the registry of one of them:
 * it has the series that are still 0, which snapshots leave out.
 */
export async function summedText(own: Registry, sum: Snapshot): Promise<string> {
  const zeros = withoutGauges(await own.getMetricsAsJSON()).map((metric) => ({
    ...metric,
    values: metric.values.map((value) => ({ ...value, value: 0 })),
  }));
  return AggregatorRegistry.aggregate([zeros, sum]).metrics();
}
