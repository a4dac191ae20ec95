import { durationMs } from "../runtime/duration-text.ts";
import { UsageError } from "./usage.ts";

/** Reads `90s`, `30m`, `24h` or `7d` as milliseconds. Throws `UsageError` on any other text. */
export function parseDuration(option: string, text: string): number {
  const ms = durationMs(text);
  if (ms !== undefined) return ms;
  throw new UsageError(`${option} must be a time such as 90s, 30m, 24h or 7d, not '${text}'.`);
}

/** Formats a duration for people: `12 s`, `4 min`, `3 h`. */
export function durationText(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3_600)} h`;
}
