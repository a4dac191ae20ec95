import { describe, expect, test } from "bun:test";
import { readFirstYaml, readYaml } from "../../src/archive/yaml.ts";
import { decodeFields } from "../../src/archive/yaml-decode.ts";
import type { YamlNode } from "../../src/archive/yaml-nodes.ts";
import { bytesOf } from "../support/archive-maker.ts";

type Plain = string | null | Plain[] | { [key: string]: Plain };

/** Texts as they are in the document; nulls are the scalars that are resolved to null. */
function plainOf(node: YamlNode): Plain {
  if (node.kind === "scalar") return node.tag === "!!null" ? null : node.text;
  if (node.kind === "list") return node.nodes.map(plainOf);
  if (node.kind === "alias") return plainOf(node.target);
  return Object.fromEntries([...decodeFields(node, "", () => undefined)].map(([key, value]) => [key, plainOf(value)]));
}

function read(text: string | Uint8Array): Plain | undefined {
  const { root, faults } = readYaml(bytesOf(text));
  if (faults.length > 0) return undefined;
  return root === undefined ? null : plainOf(root);
}

function codesOf(text: string | Uint8Array): string[] {
  return readYaml(bytesOf(text)).faults.map((fault) => fault.code);
}

describe("readYaml", () => {
  // The expected texts are what gopkg.in/yaml.v3 v3.0.1 decodes into a struct of strings.
  test.each([
    ["1.10", "1.10"],
    ["true", "true"],
    ["2024-01-01", "2024-01-01"],
    ["0x1F", "0x1F"],
    ["1_000", "1_000"],
    [".inf", ".inf"],
    ["nUll", "nUll"],
    ["'null'", "null"],
    ['""', ""],
    ["'it''s'", "it's"],
    ['"a\\tb\\u00e9"', "a\tbé"],
    ["plain # comment", "plain"],
    ["a#b", "a#b"],
    ["http://x.y/z", "http://x.y/z"],
    ["plain\n  multi\n  line", "plain multi line"],
    ["|\n  l1\n  l2\n\n", "l1\nl2\n"],
    [">-\n  f1\n  f2\n", "f1 f2"],
    ["|+\n  x\n", "x\n\n"],
  ])("reads the scalar %j as its text", (source, text) => {
    expect(read(`a: ${source}\n`)).toEqual({ a: text });
  });

  test.each(["", "~", "null", "Null", "NULL"])("reads a plain %j as null", (source) => {
    expect(read(`a: ${source}\n`)).toEqual({ a: null });
  });

  test.each(["\\q", "\\xZZ", "\\A", "\\U00110000"])(
    "reports thousands of wrong escapes %j in one text once",
    (wrong) => {
      expect(codesOf(`a: "${wrong.repeat(10_000)}"\n`)).toEqual(["yaml_invalid"]);
    },
  );

  test("reads an empty document as null", () => {
    for (const text of ["", "\n", "# only a comment\n"]) expect(read(text)).toBeNull();
  });

  test("reads flow style, JSON, CRLF, document marks and a byte order mark", () => {
    const expected = { a: "1", b: ["x", null, { c: "d" }] };
    for (const text of [
      "a: 1\r\nb:\r\n  - x\r\n  -\r\n  - c: d\r\n",
      "{a: 1, b: [x, ~, {c: d}]}",
      '{"a":"1","b":["x",null,{"c":"d"}]}',
      "\ufeff---\na: 1\nb: [x, ~, {c: d}]\n...\n",
    ]) {
      expect(read(text)).toEqual(expected);
    }
  });

  test("ignores null keys and keeps keys that are also members of every object", () => {
    const { root } = readYaml(bytesOf("~: x\n__proto__: y\n"));
    expect(root?.kind === "map" ? [...decodeFields(root, "", () => undefined).keys()] : []).toEqual(["__proto__"]);
  });

  test.each([
    ["a: 1\n---\n", { a: "1" }],
    ["a: 1\n...\n---\n# nothing\n", { a: "1" }],
    ["a: [\n1,\n2\n]\n", { a: ["1", "2"] }],
    ["%YAML 1.1\n---\na: 1\n", { a: "1" }],
    ["a: !!str 1\n", { a: "1" }],
    ["a: !custom {b: 1}\n", { a: { b: "1" } }],
    ["a: &x 1\n", { a: "1" }],
    ["<<: {a: 1, b: 2}\na: 3\n", { a: "3", b: "2" }],
    ["a: b\u2028  c\n", { a: "b\u2028c" }],
    ["a: 1\u0085b: 2\rc: 3\n", { a: "1", b: "2", c: "3" }],
    ["# one\n\t# two\na: 1\n", { a: "1" }],
    ["a: 'x'#note\n", { a: "x" }],
  ])("reads %j as yaml.v3 does", (text, expected: Plain) => expect(read(text)).toEqual(expected));

  test("reads UTF-16 with a byte order mark, which Windows writes", () => {
    const text = "a: é\n";
    const little = Buffer.from(`\ufeff${text}`, "utf16le");
    expect(read(little)).toEqual({ a: "é" });
    expect(read(little.swap16())).toEqual({ a: "é" });
    expect(readYaml(little).text).toBe(text);
  });

  test.each([
    ["a: &x 1\nb: *x\n", "yaml_alias"],
    ["a: *x\n", "yaml_alias"],
    ["%YAML 1.2\n---\na: 1\n", "yaml_directive"],
    ["a: 1\n---\nb: 2\n", "yaml_multiple_documents"],
    ["{a: 1}\nb: 2\n", "yaml_multiple_documents"],
    ["a: b: c\n", "yaml_invalid"],
    ["a: [1\n", "yaml_invalid"],
    ["a: 'x\n", "yaml_invalid"],
    [": x\n", "yaml_invalid"],
    ["a: 1\n\t# note\n", "yaml_invalid"],
    ['a: "\\ud83d\\ude80"\n', "yaml_invalid"],
    ['a: "\\/"\n', "yaml_invalid"],
    ["a: {b: 1}}\n", "yaml_invalid"],
    ["a: \u0007\n", "yaml_control_character"],
    ["a: \ufeffb\n", "yaml_control_character"],
  ])("refuses %j with %s", (text, code) => expect(codesOf(text)).toContain(code));

  test("names the line of what it cannot read", () => {
    expect(readYaml(bytesOf("a: 1\nb: 2\n: x\n")).faults[0]?.message).toStartWith("line 3: ");
    expect(readYaml(bytesOf("a: &d 1\nb: *d\nc: *d\n")).faults[0]?.message).toBe(
      "line 2: the alias *d and 1 more: write out what &d stands for",
    );
  });

  test("reads only the first document where the client does", () => {
    expect(readFirstYaml(bytesOf("a: &x 1\nb: *x\n---\n[\n")).faults).toEqual([]);
  });

  test("reads a quoted << and quoted indicators as text", () => {
    expect(read("\"<<\": x\na: '*x'\nb: \"&x\"\nc: '!x'\n")).toEqual({ "<<": "x", a: "*x", b: "&x", c: "!x" });
  });

  test("refuses what is not UTF-8", () => {
    expect(codesOf(new Uint8Array([0x61, 0x3a, 0x20, 0xff]))).toEqual(["yaml_not_utf8"]);
    expect(codesOf(new Uint8Array([0xff, 0xfe, 0x61]))).toEqual(["yaml_not_utf8"]);
  });

  test("accepts 20 levels and refuses 200, in every notation", () => {
    const nested = (open: string, close: string, depth: number) => `${open.repeat(depth)}x${close.repeat(depth)}`;
    expect(codesOf(nested("[", "]", 20))).toEqual([]);
    expect(codesOf(nested("- ", "", 20))).toEqual([]);
    for (const text of [
      nested("[", "]", 200),
      nested("- ", "", 200),
      nested("{a: ", "}", 200),
      nested("? ", "", 200),
    ]) {
      expect(codesOf(text)).toEqual(["yaml_too_deep"]);
    }
    const indented = Array.from({ length: 200 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n");
    expect(codesOf(indented)).toEqual(["yaml_too_deep"]);
  });

  test.each([
    "[",
    "{",
    "- ",
    "? ",
    "a: ",
    "{a,",
    "- &a\n",
    "%a\n",
    "- '\n",
    '"',
    "]",
    ",",
    "---\n",
    "a\n",
    "a:\n",
    "- - a\n",
    "!",
    "*",
    "\n",
  ])("answers 256 KiB of %j in a moment", (unit) => {
    const text = unit.repeat(Math.floor(262_144 / unit.length));
    const started = process.cpuUsage();
    readYaml(bytesOf(text));
    // The time of this process alone: other tests run beside it.
    expect(process.cpuUsage(started).user).toBeLessThan(2_000_000);
  });
});
