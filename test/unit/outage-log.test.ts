import { expect, test } from "bun:test";
import { createLogger } from "../../src/runtime/logger.ts";

test("events of an outage are written once a minute with a count of the others, and counted all", () => {
  let nowMs = Date.UTC(2026, 0, 1);
  const lines: { event: string; repeated?: number }[] = [];
  const logger = createLogger(
    "warn",
    () => new Date(nowMs),
    (line) => lines.push(JSON.parse(line)),
  );
  const logAt = (seconds: number, event: string) => {
    nowMs = Date.UTC(2026, 0, 1) + seconds * 1_000;
    logger.warn(event);
  };
  for (const seconds of [0, 1, 59]) logAt(seconds, "database_unavailable");
  logAt(59, "storage_full");
  for (const seconds of [59, 59]) logAt(seconds, "internal");
  for (const seconds of [60, 61, 130]) logAt(seconds, "database_unavailable");
  expect(lines.map(({ event, repeated }) => [event, repeated])).toEqual([
    ["database_unavailable", undefined],
    ["storage_full", undefined],
    ["internal", undefined],
    ["internal", undefined],
    ["database_unavailable", 2],
    ["database_unavailable", 1],
  ]);
  // A clock that is set back does not silence an event.
  logAt(-600, "database_unavailable");
  expect(lines).toHaveLength(7);
  expect(logger.counts.get("database_unavailable")).toBe(7);
});
