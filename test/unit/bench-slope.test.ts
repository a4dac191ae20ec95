import { expect, test } from "bun:test";
import { slopeOf } from "../../scripts/bench/measure.ts";

test("the slope of samples on a line is the line's, without error", () => {
  const samples = [0, 1, 2, 5].map((hours) => ({ hours, mb: 70 + 2.5 * hours }));
  const { slope, error } = slopeOf(samples);
  expect(slope).toBeCloseTo(2.5);
  expect(error).toBeCloseTo(0);
});

test("samples that go up and down around a level have no slope, and an error that says how little is known", () => {
  const { slope, error } = slopeOf([0, 1, 2, 3].map((hours, at) => ({ hours, mb: [1, -1, -1, 1][at] ?? 0 })));
  expect(slope).toBeCloseTo(0);
  // sqrt(4 / 2 / 5): the squares of what is left, by two degrees of freedom, by the spread of the
  // hours.
  expect(error).toBeCloseTo(Math.sqrt(0.4));
});
