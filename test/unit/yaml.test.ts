import { describe, expect, test } from "bun:test";
import { readBoolean, readYaml, type YamlNode } from "../../src/archive/yaml.ts";
import { bytesOf } from "../support/archive-maker.ts";

type Plain = string | null | Plain[] | { [key: string]: Plain };

function plainOf(node: YamlNode): Plain {
  if (node.kind === "scalar") return node.text;
  if (node.kind === "list") return node.nodes.map(plainOf);
  if (node.kind === "null") return null;
  return Object.fromEntries([...node.fields].map(([key, value]) => [key, plainOf(value)]));
}

function read(text: string | Uint8Array): Plain | undefined {
  const { root } = readYaml(bytesOf(text));
  return root === undefined ? undefined : plainOf(root);
}

function codesOf(text: string | Uint8Array): string[] {
  return readYaml(bytesOf(text)).faults.map((fault) => fault.code);
}

function booleanOf(text: string): boolean | undefined {
  const { root } = readYaml(bytesOf(text));
  return root?.kind === "scalar" ? readBoolean(root) : undefined;
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
    expect(root?.kind === "map" ? [...root.fields.keys()] : []).toEqual(["__proto__"]);
  });

  test.each([
    ["a: &x 1\n", "yaml_alias"],
    ["a: *x\n", "yaml_alias"],
    ["a: !!str 1\n", "yaml_tag"],
    ["a: !custom {}\n", "yaml_tag"],
    ["<<: {a: 1}\n", "yaml_merge_key"],
    ["%YAML 1.1\n---\na: 1\n", "yaml_directive"],
    ["a: 1\n---\nb: 2\n", "yaml_multiple_documents"],
    ["a: 1\n---\n", "yaml_multiple_documents"],
    ["a: 1\na: 2\n", "yaml_duplicate_key"],
    ['a: 1\n"a": 2\n', "yaml_duplicate_key"],
    ["x: {y: {a: 1, a: 2}}\n", "yaml_duplicate_key"],
    ["? [a]\n: b\n", "yaml_invalid"],
    ["a: b: c\n", "yaml_invalid"],
    ["a: [1\n", "yaml_invalid"],
    ["a: 'x\n", "yaml_invalid"],
    ["a: \u0007\n", "yaml_control_character"],
    ["a: b\u2028c: d\n", "yaml_control_character"],
    ["a: b\u0085c: d\n", "yaml_control_character"],
    ["a: b\rc: d\n", "yaml_control_character"],
    ["a: \ufeffb\n", "yaml_control_character"],
  ])("refuses %j with %s", (text, code) => expect(codesOf(text)).toContain(code));

  test("reads a quoted << and quoted indicators as text", () => {
    expect(read("\"<<\": x\na: '*x'\nb: \"&x\"\nc: '!x'\n")).toEqual({ "<<": "x", a: "*x", b: "&x", c: "!x" });
  });

  test("reports a duplicate key at its JSON pointer", () => {
    const { faults } = readYaml(bytesOf("x:\n  - a/b~c: 1\n    a/b~c: 2\n"));
    expect(faults).toMatchObject([{ path: "/x/0/a~1b~0c", code: "yaml_duplicate_key" }]);
  });

  test("refuses what is not UTF-8", () => {
    expect(codesOf(new Uint8Array([0x61, 0x3a, 0x20, 0xff]))).toEqual(["yaml_not_utf8"]);
    expect(codesOf(new Uint8Array([0xff, 0xfe, 0x61, 0x00]))).toEqual(["yaml_not_utf8"]);
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
    const started = performance.now();
    readYaml(bytesOf(text));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe("readBoolean", () => {
  test("follows yaml.v3 for fields of type bool", () => {
    for (const text of ["true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "'yes'"]) {
      expect(booleanOf(text)).toBe(true);
    }
    for (const text of ["false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF", "'no'"]) {
      expect(booleanOf(text)).toBe(false);
    }
    for (const text of ["tRue", "oN", "1", "0", "'true'", '"false"', "''"]) expect(booleanOf(text)).toBeUndefined();
  });
});
