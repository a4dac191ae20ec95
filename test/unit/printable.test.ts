import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { listText, tableText } from "../../src/cli/table.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import { escapeUnprintable, printableJson, printableLines } from "../../src/runtime/printable.ts";

/**
 * These are ranges of code points, so that the test does not repeat the expression of the source.
 */
const HOSTILE: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0001, 0xe007f],
];

const hostile = fc.constantFrom(...HOSTILE).chain(([from, to]) => fc.integer({ min: from, max: to }));
const character = fc.oneof(hostile, fc.integer({ min: 0, max: 0x10ffff })).map((code) => String.fromCodePoint(code));
const text = fc.array(character, { maxLength: 40 }).map((characters) => characters.join(""));

const isHostile = (code: number) => HOSTILE.some(([from, to]) => code >= from && code <= to);
const hostileIn = (shown: string) => [...shown].filter((one) => isHostile(one.codePointAt(0) ?? 0));

describe("text from outside", () => {
  test("has no unprintable character left in a value, a table, a list, a document or a log line", () => {
    fc.assert(
      fc.property(text, (given) => {
        const lines: string[] = [];
        createLogger(
          "info",
          () => new Date(0),
          (line) => lines.push(line),
        ).info("event", { given });
        expect(hostileIn([escapeUnprintable(given), printableJson({ [given]: given }), ...lines].join(""))).toEqual([]);
        for (const shown of [tableText([["HEAD"], [given]]), listText("head", [given]).join("\n")]) {
          expect(shown.split("\n")).toHaveLength(2);
          expect(hostileIn(shown)).toEqual(["\n"]);
        }
      }),
    );
  });

  test("keeps only its line ends and tabs when it is printed as lines", () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(hostileIn(printableLines(given)).filter((one) => one !== "\n" && one !== "\t")).toEqual([]);
        expect(printableLines(given).split("\n")).toHaveLength(given.split("\n").length);
      }),
    );
  });

  test("is the same after a program parsed the document, with and without indentation", () => {
    fc.assert(
      fc.property(text, (given) => {
        const value = { [given]: [given, 1, null] };
        expect(JSON.parse(printableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(JSON.parse(printableJson(value, 2))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("stays as it is where every character can be seen", () => {
    for (const seen of ["plain text", "Grüße, 日本語, 👍", "a\\b"]) expect(escapeUnprintable(seen)).toBe(seen);
    expect(escapeUnprintable("a\u202eb\u009bc\n")).toBe("a\\u{202e}b\\u{9b}c\\u{a}");
    expect(printableJson("\u202e\u{e0041}")).toBe('"\\u202e\\udb40\\udc41"');
  });
});
