import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { beginSection, keepResult } from "./results.ts";

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The titles of the columns that `report` prints. */
export function heading(): string {
  return columns("", "median", "spread", "goal");
}

/** Prints what the rows that follow have in common, and keeps it with their results. */
export function startSection(name: string): void {
  beginSection(name);
  console.log(`\n${name}`);
}

/**
 * Prints the median and spread of some values, with the goal where there is one, and keeps them for
 * the results file.
 */
export function report(what: string, values: readonly number[], unit: string, goal: string, digits = 0): void {
  const [middle, low, high] = [median(values), Math.min(...values), Math.max(...values)];
  const spread = `${low.toFixed(digits)}–${high.toFixed(digits)}`;
  console.log(columns(what, `${middle.toFixed(digits)} ${unit}`, spread, goal));
  const isOne = values.length === 1;
  keepResult(what, { median: middle, low: isOne ? null : low, high: isOne ? null : high, unit, digits, goal });
}

/** A line for a value that could not be measured. */
export function missingRow(what: string, why: string): string {
  return columns(what, "", "", `not measured: ${why}`);
}

function columns(what: string, middle: string, spread: string, goal: string): string {
  return `${what.padEnd(46)}${middle.padStart(12)}   ${spread.padStart(13)}   ${goal}`.trimEnd();
}

/** The quotient of the values of each round. */
export function ratios(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, round) => value / (b[round] ?? Number.NaN));
}

/** Shows the progress of a bench on stderr. Without a text it clears the line. */
export function progress(text = ""): void {
  process.stderr.write(`\r${text.padEnd(70)}${text === "" ? "\r" : ""}`);
}

function statusMb(pid: number, field: "VmRSS" | "VmHWM" | "RssFile"): number | undefined {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return undefined;
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(status, "utf8"))?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

/** Resident memory of a process in MB; undefined on a system without /proc. */
export function residentMb(pid: number): number | undefined {
  return statusMb(pid, "VmRSS");
}

/**
 * The part of the resident memory that is mapped from files, most of it the executable. The kernel
 * has these pages anyway and may drop them.
 */
export function residentFileMb(pid: number): number | undefined {
  return statusMb(pid, "RssFile");
}

/**
 * The peak resident memory of a process in MB since it started; undefined on a system without
 * /proc.
 */
export function residentPeakMb(pid: number): number | undefined {
  return statusMb(pid, "VmHWM");
}

/**
 * Runs `work` and returns its result with the peak resident memory of a process meanwhile, in MB,
 * as the kernel counts it.
 */
export async function peakMb<T>(pid: number, work: () => Promise<T>): Promise<{ peak: number; result: T }> {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const result = await work();
  return { peak: statusMb(pid, "VmHWM") ?? Number.NaN, result };
}

/** Resident memory at one time of a soak. */
export interface Sample {
  readonly hours: number;
  readonly mb: number;
}

/**
 * Fits a line through samples by least squares. Returns its slope and the standard error of the
 * slope.
 */
export function slopeOf(samples: readonly Sample[]): { slope: number; error: number } {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, one) => sum + of(one), 0) / samples.length;
  const [hours, mb] = [mean((one) => one.hours), mean((one) => one.mb)];
  const spread = samples.reduce((sum, one) => sum + (one.hours - hours) ** 2, 0);
  const slope = samples.reduce((sum, one) => sum + (one.hours - hours) * (one.mb - mb), 0) / spread;
  const rest = samples.reduce((sum, one) => sum + (one.mb - mb - slope * (one.hours - hours)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (samples.length - 2) / spread) };
}
