import { expect, test } from "bun:test";
import { JSON_DEPTH_MAX, JsonTooDeep, parseJsonText } from "../../src/domain/json-text.ts";

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

test("JSON of 32 levels is parsed, and one level more is refused", () => {
  expect(parseJsonText(nested(JSON_DEPTH_MAX))).toBeArray();
  expect(() => parseJsonText(nested(JSON_DEPTH_MAX + 1))).toThrow(JsonTooDeep);
  const maps = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  expect(parseJsonText(maps(JSON_DEPTH_MAX))).toBeObject();
  expect(() => parseJsonText(maps(JSON_DEPTH_MAX + 1))).toThrow(JsonTooDeep);
});

test.each([
  ["brackets in a string", ["[".repeat(100)]],
  ["brackets after an escaped quote", [`"${"[".repeat(100)}`]],
  ["brackets after an escaped backslash", ["\\", ..."[".repeat(100)]],
  ["many lists beside each other", Array(1_000).fill([])],
])("%s do not count as levels", (_, value) => {
  expect(parseJsonText(JSON.stringify(value))).toEqual(value);
});

test("a megabyte of brackets is refused without an exhausted stack", () => {
  for (const text of ["[".repeat(1e6), '{"a":'.repeat(2e5), `${"]".repeat(50)}${"[".repeat(1e6)}`]) {
    expect(() => parseJsonText(text)).toThrow(SyntaxError);
  }
});
