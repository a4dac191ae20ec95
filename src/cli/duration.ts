import { UsageError } from "./usage.ts";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `90s`, `30m`, `24h` or `7d` as milliseconds. Throws `UsageError` on any other text. */
export function parseDuration(option: string, text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined)
    throw new UsageError(`${option} must be a time such as 90s, 30m, 24h or 7d, not '${text}'.`);
  return Number(count) * unitMs;
}

/** Formats a duration for people: `12 s`, `4 min`, `3 h`. */
export function durationText(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3_600)} h`;
}
