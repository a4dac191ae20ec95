import type { Run } from "./results.ts";

/*
 * The chart shows one thing: how many times as much the registry does per second as a peer, on a
 * logarithmic axis.
 */

const CHARTED = new Set(["read", "publish"]);
const COMPARISON = /^(.+), registry to (nginx|Verdaccio|Distribution)$/;
const [LABELS_WIDTH, PLOT_WIDTH, RIGHT] = [390, 430, 90];
const [TOP, ROW, BAR, BOTTOM] = [46, 22, 12, 34];
const [LEAST, MOST] = [0.1, 100];

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 14px }
  .axis { stroke: #8c959f; stroke-width: 1; opacity: .35 }
  .equal { stroke: #24292f; stroke-width: 1.5 }
  .more { fill: #1a7f37 } .less { fill: #bc4c00 }
  .spread { stroke: #24292f; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .equal, .spread { stroke: #e6edf3 } .more { fill: #3fb950 } .less { fill: #f0883e }
  }`;

interface Bar {
  readonly what: string;
  readonly peer: string;
  readonly ratio: number;
  readonly low: number | null;
  readonly high: number | null;
}

function barsOf(runs: readonly Run[]): Bar[] {
  return runs
    .filter(({ bench }) => CHARTED.has(bench))
    .flatMap(({ results }) => results)
    .flatMap(({ what, unit, median, low, high }) => {
      const [, subject = "", peer = ""] = COMPARISON.exec(what) ?? [];
      return unit === "×" && peer !== "" ? [{ what: subject, peer, ratio: median, low, high }] : [];
    });
}

/** The place of a ratio on the axis. */
function x(ratio: number): number {
  const bounded = Math.min(MOST, Math.max(LEAST, ratio));
  const share = Math.log10(bounded / LEAST) / Math.log10(MOST / LEAST);
  return Math.round((LABELS_WIDTH + share * PLOT_WIDTH) * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function barLines({ what, peer, ratio, low, high }: Bar, at: number): string[] {
  const top = TOP + at * ROW + (ROW - BAR) / 2;
  const middle = top + BAR / 2;
  const [left, right] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))];
  const width = Math.max(1, Math.round((right - left) * 10) / 10);
  const spread =
    low === null || high === null
      ? []
      : [`<line class="spread" x1="${x(low)}" y1="${middle}" x2="${x(high)}" y2="${middle}"/>`];
  const end = Math.max(right, high === null ? 0 : x(high)) + 6;
  return [
    `<text x="${LABELS_WIDTH - 12}" y="${middle + 4}" text-anchor="end">${escaped(`${what}, against ${peer}`)}</text>`,
    `<rect class="${ratio >= 1 ? "more" : "less"}" x="${left}" y="${top}" width="${width}" height="${BAR}"/>`,
    ...spread,
    `<text x="${end}" y="${middle + 4}">${ratio.toFixed(ratio < 10 ? 2 : 0)} ×</text>`,
  ];
}

/** The chart of all comparisons with peers as SVG, made of nothing but the recorded results. */
export function chartOf(runs: readonly Run[]): string {
  const bars = barsOf(runs);
  const [width, bottom] = [LABELS_WIDTH + PLOT_WIDTH + RIGHT, TOP + bars.length * ROW];
  const ticks = [0.1, 1, 10, 100].flatMap((ratio) => [
    `<line class="${ratio === 1 ? "equal" : "axis"}" x1="${x(ratio)}" y1="${TOP - 4}" x2="${x(ratio)}" y2="${bottom}"/>`,
    `<text x="${x(ratio)}" y="${bottom + 18}" text-anchor="middle">${ratio} ×</text>`,
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + BOTTOM}" role="img">`,
    "<title>Requests a second of cpm-registry, in multiples of other servers in the same run</title>",
    `<style>${STYLE}\n</style>`,
    '<text class="title" x="12" y="22">Requests a second, in multiples of another server in the same run (log scale)</text>',
    ...ticks,
    ...bars.flatMap(barLines),
    "</svg>",
    "",
  ].join("\n");
}
