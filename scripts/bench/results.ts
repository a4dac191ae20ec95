import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { VERSION } from "../../src/runtime/version.ts";

/** One measured row, as it stands in docs/benchmarks.json. */
export interface Result {
  /**
   * The parameters that several rows share, such as a database and a size; empty when there are
   * none.
   */
  readonly section: string;
  readonly what: string;
  readonly median: number;
  /**
   * The smallest and the largest value; null for a single value, or where only the median was kept.
   */
  readonly low: number | null;
  readonly high: number | null;
  readonly unit: string;
  readonly digits: number;
  /**
   * Empty when the row has no goal. Otherwise an operator, a number and a unit, such as "≥ 1 ×".
   */
  readonly goal: string;
}

/** The results of one run of one bench. */
export interface Run {
  readonly bench: string;
  /** The day of the run, YYYY-MM-DD. */
  readonly date: string;
  readonly version: string;
  readonly machine: string;
  readonly results: readonly Result[];
}

const results: Result[] = [];
let section = "";
let subject = "";

/** Sets the section of every result that follows. */
export function beginSection(name: string): void {
  section = name;
}

/**
 * Keeps a row for the results file. A row that begins with two blanks belongs to the row above it,
 * so its name is completed with the subject of that row: the text before the last comma.
 */
export function keepResult(label: string, result: Omit<Result, "section" | "what">): void {
  const isPart = label.startsWith("  ");
  if (!isPart) subject = label.includes(", ") ? label.slice(0, label.lastIndexOf(", ")) : label;
  results.push({ section, what: isPart ? `${subject}, ${label.trim()}` : label, ...result });
}

function machine(): string {
  const [first] = cpus();
  const gib = Math.round(totalmem() / 1024 ** 3);
  return `${process.platform}-${process.arch} ${release()}, ${cpus().length} × ${first?.model ?? "unknown processor"}, ${gib} GiB, Bun ${Bun.version}`;
}

/**
 * Writes what was kept to dist/bench/<name>.json and returns the path; undefined when nothing was
 * measured.
 */
export function writeResults(bench: string): string | undefined {
  if (results.length === 0) return undefined;
  const directory = join(import.meta.dir, "../../dist/bench");
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${bench}.json`);
  const run: Run = {
    bench,
    date: new Date().toISOString().slice(0, 10),
    version: VERSION,
    machine: machine(),
    results,
  };
  writeFileSync(path, `${JSON.stringify(run, null, 2)}\n`);
  return path;
}
