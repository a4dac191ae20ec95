import { expect, test } from "bun:test";
import fc from "fast-check";
import { compareValues } from "../../src/packages/compare-values.ts";
import { diffTexts } from "../../src/packages/text-diff.ts";
import { highlight, highlightingOfFile } from "../../src/web/highlight/highlight.ts";

const PATHS = ["a.yaml", "a.json", "a.sh", "a.md", "templates/a.yaml", "templates/a.json", "a.txt"];
const joined = (text: string, path: string) =>
  highlight(text, highlightingOfFile(path))
    .map((line) => line.map((token) => token.text).join(""))
    .join("\n");

test("highlighting changes no character of a text", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "{{",
      "}}",
      "{{/*",
      "*/",
      '"',
      "'",
      "`",
      "```",
      "#",
      ": ",
      "- ",
      "|\n",
      "\n",
      "  ",
      "\\",
      "$",
      "${",
      "[",
      "](",
      "true",
      "1.5",
      "é😀",
      "\ud800",
      "\t",
    ),
    fc.string({ maxLength: 8 }),
  );
  const property = fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom(...PATHS), (pieces, path) => {
    const text = pieces.join("").replaceAll("\r", "");
    expect(joined(text, path)).toBe(text.replace(/\n$/, ""));
  });
  fc.assert(property, { numRuns: 1_000 });
});

test("highlighting takes a time in proportion to the text, whatever it is", () => {
  const pieces = [
    '"',
    "'",
    "`",
    "- ",
    "a ",
    "a,",
    "{{",
    "{{a}}",
    "${",
    "1",
    "1_",
    " ",
    "| ",
    '\\"',
    "](",
    "a: ",
    "#",
    "*/",
    "{",
    "<",
  ];
  for (const path of PATHS) {
    for (const piece of pieces) {
      const text = `${piece.repeat(1_990 / piece.length)}\n`.repeat(64);
      const startedMs = performance.now();
      highlight(text, highlightingOfFile(path));
      expect([path, piece, performance.now() - startedMs < 1_500]).toEqual([path, piece, true]);
    }
  }
});

test("colours are those of the language", () => {
  const kinds = (text: string, path: string) =>
    highlight(text, highlightingOfFile(path)).flatMap((line) =>
      line.flatMap(({ kind, text: part }) => (kind === undefined ? [] : [`${kind} ${part}`])),
    );
  expect(kinds('a: "b" # c\nt: |\n  x: 1\nn: 2', "values.yaml")).toEqual([
    ...["key a", 'string "b"', "comment # c", "key t", "keyword |", "string   x: 1", "key n", "number 2"],
  ]);
  expect(kinds('{ "a": "{{ .x }}!", "b": null }', "templates/a.json")).toEqual([
    ...['key "a"', 'string "', "keyword {{", "variable .x", "keyword }}", 'string !"', 'key "b"', "number null"],
  ]);
});

test("values are compared by their paths, and what cannot be read is not compared", () => {
  expect(compareValues("a: 1\nb: {c: x}\n", "b:\n  c: x\na: '1'\nd: &n [1]\ne: *n\n")).toEqual([
    { what: "a", from: "1", to: '"1"' },
    { what: "d", from: undefined, to: "[1]" },
    { what: "e", from: undefined, to: "*n" },
  ]);
  expect(compareValues(null, "a: 1\n")).toEqual([{ what: "a", from: undefined, to: "1" }]);
  expect(compareValues("a: [", "a: 1\n")).toBeUndefined();
});

test("texts are compared by their lines, and those that differ too much are not", () => {
  expect(diffTexts("a\nb\nc\n", "a\nB\nc\n")).toEqual([{ fromLine: 1, toLine: 1, lines: [" a", "-b", "+B", " c"] }]);
  const lines = (word: string) => Array.from({ length: 20_000 }, (_, at) => `${word}${at}\n`).join("");
  const startedMs = performance.now();
  expect(diffTexts(lines("a"), lines("b"))).toBeUndefined();
  expect(performance.now() - startedMs).toBeLessThan(3_000);
});
