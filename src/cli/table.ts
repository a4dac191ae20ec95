import { escapeUnprintable } from "../runtime/printable.ts";

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** Formats a number of bytes for people: `812 bytes`, `12 MB`, `1.4 GB`. */
export function bytesText(bytes: number): string {
  if (bytes === 1) return "1 byte";
  let amount = bytes;
  let unit = 0;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1_000;
    unit += 1;
  }
  const digits = unit === 0 || amount >= 9.95 ? 0 : 1;
  return `${amount.toFixed(digits)} ${UNITS[unit]}`;
}

/**
 * Aligns the columns of rows; the first row is the heading. Unprintable characters are escaped.
 */
export function tableText(rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map((cell) => escapeUnprintable(cell)));
  const widths: number[] = [];
  for (const row of shown) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return shown
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/**
 * Lists items under a heading, one a line. Items beyond the maximum are only counted. Empty for an
 * empty list.
 */
export function listText(head: string, items: readonly string[], count = items.length): string[] {
  if (count === 0) return [];
  const shown = items.slice(0, LISTED_MAX);
  const more = count - shown.length;
  return [head, ...shown.map((item) => `  ${escapeUnprintable(item)}`), ...(more > 0 ? [`  and ${more} more`] : [])];
}

const LISTED_MAX = 20;
