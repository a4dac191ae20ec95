import { describe, expect, test } from "bun:test";
import { parseSearch, wordsOf } from "../../src/search/words.ts";

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

describe("the words of a query and of a text", () => {
  const words = (text: string) => parseSearch(text)?.words;

  test("text without blanks has every pair of characters, and its last one", () => {
    expect(wordsOf("機械学習")).toEqual(["機械", "械学", "学習", "習"]);
    expect(words("機械学習")).toEqual(["機械", "械学", "学習"]);
    expect(words("学")).toEqual(["学"]);
    expect(wordsOf("Python入門2版")).toEqual(["python", "入門", "門", "2", "版"]);
    expect(wordsOf("𠮷野家")).toEqual(["𠮷野", "野家", "家"]);
  });

  test("case folds fully, and kana keep their marks", () => {
    expect(wordsOf("GRÖSSERE größere ẞ ﬁ")).toEqual(["grossere", "grossere", "ss", "fi"]);
    expect(wordsOf("ΣΑΣ σας")).toEqual(["σασ", "σασ"]);
    expect(wordsOf("ｶﾞｽ")).toEqual(wordsOf("ガス"));
    expect(wordsOf("カス")).not.toEqual(wordsOf("ガス"));
    expect(wordsOf("한국")).toEqual(["한국", "국"]);
  });

  test("a sign makes a word of its own beside the plain one, in a query instead of it", () => {
    expect(wordsOf("C++ c# .NET asp.net 1.5")).toEqual([
      "c",
      "c++",
      "c",
      "c#",
      "net",
      ".net",
      "asp",
      "net",
      ".net",
      "1",
      "5",
    ]);
    expect(words("C++ c# .NET asp.net 1.5")).toEqual(["c++", "c#", ".net", "asp", "net", "1", "5"]);
    expect(words("# ++ . + .. c+")).toEqual(["c"]);
  });

  test("emoji are words without their modifiers", () => {
    expect(wordsOf("👩🏽‍💻 🇩🇪🇫🇷 ❤️")).toEqual(["👩", "💻", "🇩🇪", "🇫🇷", "❤"]);
  });
});
