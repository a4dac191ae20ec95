import type { Result, Run } from "./results.ts";

/** The order of the benches in the table. Others follow in the order of their names. */
const ORDER = ["start", "read", "publish", "workers", "log", "search", "list", "login", "inspect", "download", "soak"];

/** Returns whether a median reaches its goal. Undefined if the row has no goal. */
export function isMet({ goal, median }: Pick<Result, "goal" | "median">): boolean | undefined {
  const [, operator, number] = /^(<|≤|≥|>|within) ([\d.]+)/.exec(goal) ?? [];
  if (number === undefined) return undefined;
  const wanted = Number(number);
  if (operator === "<") return median < wanted;
  if (operator === "≤") return median <= wanted;
  if (operator === ">") return median > wanted;
  return operator === "≥" ? median >= wanted : Math.abs(median) <= wanted;
}

function rowOf({ date }: Run, { what, median, low, high, unit, digits, goal }: Result): string {
  const spread = low === null || high === null ? "" : `${low.toFixed(digits)}–${high.toFixed(digits)}`;
  const met = isMet({ goal, median });
  const verdict = met === undefined ? "" : met ? `${goal}: met` : `${goal}: **missed**`;
  return `| ${what} | ${median.toFixed(digits)} ${unit} | ${spread} | ${verdict} | ${date} |`;
}

function rank(bench: string): number {
  const at = ORDER.indexOf(bench);
  return at < 0 ? ORDER.length : at;
}

/** The table of all recorded results as Markdown, grouped by bench and section. */
export function tableOf(runs: readonly Run[]): string {
  const lines = ["| | median | spread | goal | measured |", "|---|---|---|---|---|"];
  const sorted = runs.toSorted((a, b) => rank(a.bench) - rank(b.bench) || a.bench.localeCompare(b.bench));
  let title = "";
  for (const run of sorted) {
    for (const result of run.results) {
      const next = result.section === "" ? `\`${run.bench}\`` : `\`${run.bench}\`, ${result.section}`;
      if (next !== title) lines.push(`| **${next}** | | | | |`);
      title = next;
      lines.push(rowOf(run, result));
    }
  }
  return `${lines.join("\n")}\n`;
}
