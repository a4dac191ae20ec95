import { expect, test } from "bun:test";
import { Lanes } from "../../src/webhooks/lanes.ts";

const HOUR_MS = 60 * 60_000;
const webhook = (id: string, userId = `owner of ${id}`) => ({ id, userId });

test("one account gets two lanes, and all together eight", () => {
  const lanes = new Lanes();
  const entered = ["a", "b", "c"].map((id) => lanes.enter(webhook(id, "one"), 0));
  expect(entered).toEqual([true, true, false]);
  const others = Array.from({ length: 7 }, (_, at) => lanes.enter(webhook(`other ${at}`), 0));
  expect(others).toEqual([...Array(6).fill(true), false]);
  expect(lanes.enter(webhook("a", "one"), 0)).toBe(false);
});

test("receivers that took long get half of the lanes, for an hour", () => {
  const lanes = new Lanes();
  const slow = Array.from({ length: 6 }, (_, at) => webhook(`slow ${at}`));
  for (const each of slow) {
    expect(lanes.enter(each, 0)).toBe(true);
    lanes.leave(each.id, 9_000, 0);
  }
  const enterAll = (nowMs: number) => slow.map((each) => lanes.enter(each, nowMs));
  expect(enterAll(HOUR_MS - 1)).toEqual([true, true, true, true, false, false]);
  expect(lanes.enter(webhook("fast"), HOUR_MS - 1)).toBe(true);
  for (const { id } of slow) lanes.leave(id, 20, HOUR_MS);
  expect(enterAll(HOUR_MS)).toEqual([true, true, true, true, true, true]);
});
