import { expect, test } from "bun:test";
import { CountedDownloads } from "../../src/packages/counted-downloads.ts";

const NOON = new Date("2026-03-01T12:00:00Z");

function counting(max?: number) {
  const time = { now: NOON };
  return { time, counted: new CountedDownloads(() => time.now, max) };
}

test("a client network counts once per version and hour", () => {
  const { counted, time } = counting();
  for (const expected of [true, false, false]) expect(counted.add(1, "192.0.2.1")).toBe(expected);
  expect(counted.add(2, "192.0.2.1")).toBe(true);
  expect(counted.add(1, "192.0.2.2")).toBe(true);
  time.now = new Date(NOON.getTime() + 3_599_999);
  expect(counted.add(1, "192.0.2.1")).toBe(false);
  time.now = new Date(NOON.getTime() + 3_600_000);
  for (const expected of [true, false]) expect(counted.add(1, "192.0.2.1")).toBe(expected);
});

test("a /48 of IPv6 and clients without an address each count as one network", () => {
  const { counted } = counting();
  expect(counted.add(1, "2001:db8:1:1::1")).toBe(true);
  expect(counted.add(1, "2001:db8:1:ffff::1")).toBe(false);
  expect(counted.add(1, "2001:db8:2::1")).toBe(true);
  for (const expected of [true, false]) expect(counted.add(1, null)).toBe(expected);
});

test("a download that is forgotten counts again", () => {
  const { counted } = counting();
  counted.add(1, "192.0.2.1");
  counted.forget(1, "192.0.2.1");
  expect(counted.add(1, "192.0.2.1")).toBe(true);
});

test("a full memory forgets the oldest download first", () => {
  const { counted } = counting(2);
  for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) expect(counted.add(1, address)).toBe(true);
  expect(counted.add(1, "192.0.2.3")).toBe(false);
  expect(counted.add(1, "192.0.2.2")).toBe(false);
  expect(counted.add(1, "192.0.2.1")).toBe(true);
});

test("ten thousand clients count as ten thousand", () => {
  const { counted } = counting();
  const isNew = Array.from({ length: 10_000 }, (_, at) => counted.add(7, `10.1.${at >> 8}.${at & 255}`));
  expect(isNew.every(Boolean)).toBe(true);
});
