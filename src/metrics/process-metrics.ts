import { readdirSync } from "node:fs";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Logger } from "../runtime/logger.ts";

const MICROSECONDS = 1_000_000;

/** Returns how many files this process has open, or undefined where the system does not tell. */
function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}

/**
 * Registers what every process of a registry measures of itself: memory, CPU time, open files and
 * the events of its log. `events` are those that exist before their first occurrence, so that an
 * alarm on an increase sees it.
 */
export function registerProcessMetrics(
  registry: Registry,
  { counts }: Pick<Logger, "counts">,
  events: readonly string[],
): void {
  const registers = [registry];
  const eventsTotal = new Counter({
    ...{ name: "cpm_registry_events_total", help: "Warnings and errors, by the name of their log event.", registers },
    labelNames: ["event"],
    collect: () => {
      eventsTotal.reset();
      for (const event of events) eventsTotal.inc({ event }, 0);
      for (const [event, count] of counts) eventsTotal.inc({ event }, count);
    },
  });
  new Gauge({
    ...{ name: "process_resident_memory_bytes", help: "Resident memory in bytes.", registers },
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  const cpu = new Counter({
    ...{ name: "process_cpu_seconds_total", help: "User and system CPU time in seconds.", registers },
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / MICROSECONDS);
    },
  });
  // The oldest process, so that a worker that was replaced is not taken for a restart.
  new Gauge({
    ...{ name: "process_start_time_seconds", help: "Start of the process, in seconds since 1970.", registers },
    aggregator: "min",
  }).set(performance.timeOrigin / 1000);
  if (openFiles() === undefined) return;
  new Gauge({
    ...{ name: "process_open_fds", help: "Open file descriptors.", registers },
    collect() {
      this.set(openFiles() ?? 0);
    },
  });
}
