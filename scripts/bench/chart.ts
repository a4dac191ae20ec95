import { join } from "node:path";
import { chartOf } from "./chart-svg.ts";
import { tableOf } from "./chart-table.ts";
import type { Result, Run } from "./results.ts";

const DOCS = join(import.meta.dir, "../../docs");
const RECORDED = join(DOCS, "benchmarks.json");
const CHART = join(DOCS, "benchmarks.svg");
const PAGE = join(DOCS, "benchmarks.md");
const TABLE = /(<!-- table: begin -->\n)[\s\S]*?(<!-- table: end -->)/;

/** The files that are made from docs/benchmarks.json, by path. */
export interface Made {
  readonly chart: { readonly path: string; readonly text: string };
  readonly page: { readonly path: string; readonly text: string };
}

/** Makes the chart and the page from the recorded runs. Only the table of the page changes. */
export function make(runs: readonly Run[], page: string): Made {
  if (!TABLE.test(page)) throw new Error(`${PAGE} has no table between <!-- table: begin --> and <!-- table: end -->`);
  const withTable = page.replace(TABLE, (_, begin: string, end: string) => `${begin}\n${tableOf(runs)}\n${end}`);
  return { chart: { path: CHART, text: chartOf(runs) }, page: { path: PAGE, text: withTable } };
}

/** The recorded runs and the page as they are on disk. */
export async function readRecorded(): Promise<{ runs: Run[]; page: string }> {
  return { runs: await Bun.file(RECORDED).json(), page: await Bun.file(PAGE).text() };
}

const keyOf = (bench: string, { section, what }: Result) => JSON.stringify([bench, section, what]);

/** Adds a run. Its rows replace those of earlier runs with the same bench, section and name. */
export function withRun(runs: readonly Run[], added: Run): Run[] {
  const replaced = new Set(added.results.map((result) => keyOf(added.bench, result)));
  const kept = runs.map((run) => ({
    ...run,
    results: run.results.filter((result) => !replaced.has(keyOf(run.bench, result))),
  }));
  return [...kept.filter(({ results }) => results.length > 0), added];
}

/**
 * Adds the given result files of benches to docs/benchmarks.json, then writes docs/benchmarks.svg
 * and the table of docs/benchmarks.md anew. Without files it only writes the two.
 */
export async function writeChart(files: readonly string[]): Promise<void> {
  const { runs, page } = await readRecorded();
  let recorded = runs;
  for (const file of files) recorded = withRun(recorded, await Bun.file(file).json());
  if (files.length > 0) await Bun.write(RECORDED, `${JSON.stringify(recorded, null, 2)}\n`);
  const made = make(recorded, page);
  for (const { path, text } of Object.values(made)) await Bun.write(path, text);
}
