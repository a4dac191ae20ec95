import { describe, expect, test } from "bun:test";
import { wordsOf } from "../../src/search/words.ts";

describe("wordsOf", () => {
  test("splits at everything that is neither letter nor digit, without case and accents", () => {
    expect(wordsOf("Café-Besucher, 2.0!")).toEqual(["cafe", "besucher", "2", "0"]);
  });

  test("returns at most 4,000 words and 128 KiB, also when folding makes a text longer", () => {
    expect(wordsOf("a ".repeat(5_000))).toHaveLength(4_000);
    const long = wordsOf(`${"数".repeat(64)} `.repeat(3_000));
    const bytes = Buffer.byteLength(long.join(""));
    expect(bytes).toBeGreaterThan(120 * 1_024);
    expect(bytes).toBeLessThanOrEqual(128 * 1_024);
    expect(wordsOf("ﷺ ".repeat(4_000))).toHaveLength(4_000);
  });
});
