import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The line above rows. */
export function heading(): string {
  return columns("", "median", "spread", "goal");
}

/** One line of a report: median and spread of what was measured, and the goal where there is one. */
export function row(what: string, values: readonly number[], unit: string, goal: string, digits = 0): string {
  const spread = `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
  return columns(what, `${median(values).toFixed(digits)} ${unit}`, spread, goal);
}

/** A line for what could not be measured. */
export function missingRow(what: string, why: string): string {
  return columns(what, "", "", `not measured: ${why}`);
}

function columns(what: string, middle: string, spread: string, goal: string): string {
  return `${what.padEnd(46)}${middle.padStart(12)}   ${spread.padStart(13)}   ${goal}`.trimEnd();
}

/** What `a` is for each `b` of the same round. */
export function ratios(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, round) => value / (b[round] ?? Number.NaN));
}

/** Says on stderr how far a bench is; without a text the line is wiped. */
export function progress(text = ""): void {
  process.stderr.write(`\r${text.padEnd(70)}${text === "" ? "\r" : ""}`);
}

function statusMb(pid: number, field: "VmRSS" | "VmHWM" | "RssFile"): number | undefined {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return undefined;
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(status, "utf8"))?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

/** Resident memory of a process in MB, where the system tells it. */
export function residentMb(pid: number): number | undefined {
  return statusMb(pid, "VmRSS");
}

/** As much of it as is mapped from files, the executable's own above all: the kernel has these pages anyway, and may drop them. */
export function residentFileMb(pid: number): number | undefined {
  return statusMb(pid, "RssFile");
}

/** The most memory a process ever had resident, in MB, where the system tells it. */
export function residentPeakMb(pid: number): number | undefined {
  return statusMb(pid, "VmHWM");
}

/** The most memory a process had resident since `work` began, in MB, as the kernel kept it; runs `work`. */
export async function peakMb<T>(pid: number, work: () => Promise<T>): Promise<{ peak: number; result: T }> {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const result = await work();
  return { peak: statusMb(pid, "VmHWM") ?? Number.NaN, result };
}

/** How much memory there was after so many hours. */
export interface Sample {
  readonly hours: number;
  readonly mb: number;
}

/** The line through samples by least squares: its slope, and the standard error of that. */
export function slopeOf(samples: readonly Sample[]): { slope: number; error: number } {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, one) => sum + of(one), 0) / samples.length;
  const [hours, mb] = [mean((one) => one.hours), mean((one) => one.mb)];
  const spread = samples.reduce((sum, one) => sum + (one.hours - hours) ** 2, 0);
  const slope = samples.reduce((sum, one) => sum + (one.hours - hours) * (one.mb - mb), 0) / spread;
  const rest = samples.reduce((sum, one) => sum + (one.mb - mb - slope * (one.hours - hours)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (samples.length - 2) / spread) };
}
