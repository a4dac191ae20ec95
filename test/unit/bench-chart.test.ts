import { describe, expect, test } from "bun:test";
import { make, readRecorded, withRun } from "../../scripts/bench/chart.ts";
import { isMet } from "../../scripts/bench/chart-table.ts";
import type { Result, Run } from "../../scripts/bench/results.ts";

const row = (what: string, median: number): Result => ({
  ...{ section: "", what, median, low: null, high: null, unit: "×", digits: 1, goal: "" },
});
const runOf = (date: string, results: readonly Result[], bench = "read"): Run => ({
  ...{ bench, date, version: "1.0.0", machine: "a machine", results },
});

test("the chart and the table of docs/benchmarks.md are made from docs/benchmarks.json as it is", async () => {
  const { runs, page } = await readRecorded();
  for (const { path, text } of Object.values(make(runs, page))) {
    const isUpToDate = (await Bun.file(path).text()) === text;
    expect({ path, isUpToDate, command: "npm run bench -- chart" }).toMatchObject({ isUpToDate: true });
  }
});

describe("recording a run", () => {
  test("replaces the rows of the same bench and name, and keeps all others", () => {
    const old = runOf("2026-01-01", [row("a", 1), row("b", 2)]);
    const other = runOf("2026-01-01", [row("a", 3)], "publish");
    const added = runOf("2026-01-02", [row("b", 4)]);
    expect(withRun([old, other], added)).toEqual([{ ...old, results: [row("a", 1)] }, other, added]);
  });

  test("removes a run of which all rows are replaced", () => {
    const added = runOf("2026-01-02", [row("a", 4)]);
    expect(withRun([runOf("2026-01-01", [row("a", 1)])], added)).toEqual([added]);
  });
});

test.each([
  ["< 250 ms", 249, true],
  ["< 250 ms", 250, false],
  ["≤ 90 MB", 90, true],
  ["> 300 MB/s", 300, false],
  ["≥ 0.8 ×", 0.79, false],
  ["within 10 %", -9.15, true],
  ["within 10 %", -10.5, false],
  ["", 1, undefined],
] as const)("a goal of '%s' with a median of %d counts as met: %p", (goal, median, met) => {
  expect(isMet({ goal, median })).toBe(met);
});
