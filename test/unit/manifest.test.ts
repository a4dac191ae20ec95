import { describe, expect, test } from "bun:test";
import { type Manifest, readManifest } from "../../src/archive/manifest.ts";
import { bytesOf } from "../support/archive-maker.ts";

const HEAD = "name: my-package\nversion: 1.0.0\n";

function read(text: string): Manifest {
  const { manifest, faults } = readManifest(bytesOf(text));
  if (manifest === undefined) throw new Error(JSON.stringify(faults));
  return manifest;
}

function faultsOf(text: string): string[] {
  return readManifest(bytesOf(text)).faults.map((fault) => `${fault.path} ${fault.code}`);
}

describe("readManifest", () => {
  test("reads every known field", () => {
    const manifest = read(
      [
        "apiVersion: v1",
        HEAD,
        "description: |\n  Two\n  lines\n",
        "maintainers:\n  - {name: A, email: a@b.c, url: https://a.b}",
        "dependencies:\n  - {name: base, version: '>=1.0'}",
        "conditions: {colonyOSVersion: 1.10, architecture: amd64}",
        "inputs:\n  - key: cpu\n    label: CPU\n    type: number\n    description: Cores\n    required: yes\n    default: 010\n    options: [1, 2.0, {a: b}]",
        "tags: [ai, ml]\nlicense: MIT\nhomepage: https://x.y\nrepository: https://x.y/z\npublicKey: abc",
      ].join("\n"),
    );
    expect(manifest).toMatchObject({
      apiVersion: "v1",
      name: "my-package",
      version: { text: "1.0.0" },
      description: "Two\nlines\n",
      maintainers: [{ name: "A", email: "a@b.c", url: "https://a.b" }],
      dependencies: [{ name: "base", version: ">=1.0" }],
      conditions: { colonyOSVersion: "1.10", architecture: "amd64" },
      inputs: [{ key: "cpu", label: "CPU", type: "number", description: "Cores", required: true, default: 8 }],
      tags: ["ai", "ml"],
      license: "MIT",
      homepage: "https://x.y",
      repository: "https://x.y/z",
      publicKey: "abc",
    });
    expect(manifest.inputs[0]?.options).toEqual(["1", "2.0", { a: "b" }]);
  });

  test("keeps the types of the defaults of inputs", () => {
    const inputs = read(
      `${HEAD}inputs:\n${[
        "false",
        "2",
        "2.5",
        "'2'",
        "no",
        "0x10",
        "1_000",
        "2026-01-02",
        "[1, ~, {a: true}]",
        "99999999999999999999",
      ]
        .map((value) => `- default: ${value}\n`)
        .join("")}`,
    ).inputs;
    expect(inputs.map((input) => input.default)).toEqual([
      false,
      2,
      2.5,
      "2",
      "no",
      16,
      1_000,
      "2026-01-02",
      [1, null, { a: true }],
      "99999999999999999999",
    ]);
  });

  test("reads a folded link, and other words without the line break at their end", () => {
    const manifest = read(`${HEAD}homepage: >\n  https://example.org\nlicense: >\n  MIT\n`);
    expect(manifest).toMatchObject({ homepage: "https://example.org", license: "MIT" });
    expect(faultsOf("name: >\n  a\nversion: 1.0.0\n")).toContain("/name manifest_name_invalid");
  });

  test("judges only the fields that it reads, as the client does", () => {
    expect(faultsOf(`${HEAD}x: {a: 1, a: 2}\ny: !!int z\n? z\n`)).toEqual([]);
    expect(faultsOf(`${HEAD}conditions: {architecture: a, architecture: b}\n`)).toEqual([
      "/conditions/architecture yaml_duplicate_key",
    ]);
    expect(faultsOf(`${HEAD}license: MIT\nlicense: ISC\n`)).toEqual(["/license yaml_duplicate_key"]);
    expect(faultsOf(`${HEAD}? [a]\n: b\n`)).toEqual([" yaml_invalid"]);
    expect(faultsOf(`${HEAD}<<: x\n`)).toEqual([" yaml_merge_key"]);
    expect(faultsOf(`${HEAD}inputs:\n- default: !!int x\n- default: {a/b~c: 1, a/b~c: 2}\n`)).toEqual([
      "/inputs/0/default yaml_tag",
      "/inputs/1/default/a~1b~0c yaml_duplicate_key",
    ]);
    expect(faultsOf(`${HEAD}description: "\\0"\n`)).toEqual(["/description yaml_control_character"]);
  });

  test("shows inputs under spec where there are no others, and refuses nothing there", () => {
    const inputs = (text: string) => read(HEAD + text).inputs.map(({ key, default: preset }) => ({ key, preset }));
    expect(inputs("spec: {inputs: [{key: a, default: 2}]}\n")).toEqual([{ key: "a", preset: 2 }]);
    expect(inputs("spec: {inputs: [{key: a}]}\ninputs: [{key: b}]\n")).toEqual([{ key: "b", preset: undefined }]);
    for (const spec of ["a", "{inputs: a}", "{inputs: [a]}", "{inputs: [{required: maybe}]}", "{a: 1, a: 2}"]) {
      expect(inputs(`spec: ${spec}\n`)).toEqual([]);
    }
  });

  test("shows the right form of a list and of a link", () => {
    const { faults } = readManifest(bytesOf(`${HEAD}tags: a b\nrepository: {type: git}\n`));
    expect(faults.map(({ message }) => message)).toEqual([
      "must be a list, such as tags: [a, b]",
      "must be a link as text, such as repository: https://example.org/x",
    ]);
    const others = readManifest(bytesOf(`${HEAD}inputs: {a: {}}\nconditions: amd64\nmaintainers: [Ada]\n`));
    expect(others.faults.map(({ path, message }) => [path, message])).toEqual([
      ["/maintainers/0", "must be a map of fields, such as name: ..."],
      ["/conditions", "must be a map of fields, such as conditions: {architecture: ...}"],
      ["/inputs", "must be a list, such as inputs: [{key: a}]"],
    ]);
  });

  test("requires only name and version; null and empty fields are absent", () => {
    expect(
      read(`${HEAD}dependencies: []\nmaintainers: ~\ntags:\nconditions: null\ndescription:\ninputs: []\n`),
    ).toMatchObject({
      dependencies: [],
      maintainers: [],
      tags: [],
      description: undefined,
    });
  });

  test("reads numbers, booleans and dates as the text that was written", () => {
    expect(read("name: true\nversion: 1.0.0\n").name).toBe("true" as Manifest["name"]);
    expect(faultsOf("name: a\nversion: 1.10\n")).toEqual(["/version manifest_version_invalid"]);
    expect(readManifest(bytesOf("name: a\nversion: 1.10\n")).faults[0]?.message).toContain('"1.10"');
    expect(read(`${HEAD}description: 2024-01-01\n`).description).toBe("2024-01-01");
  });

  test("ignores unknown fields and keeps them in the text", () => {
    const text = `${HEAD}icon: x.png\nbuild: {steps: [1, ~]}\n`;
    expect(read(text)).toEqual(read(HEAD));
    expect(readManifest(bytesOf(text)).text).toBe(text);
  });

  test("joins tags and keywords, trimmed, without repeats and nulls", () => {
    expect(read(`${HEAD}tags: [AI, ' ml ', ai, ~, '']\nkeywords: [ML, data]\n`).tags).toEqual(["AI", "ml", "data"]);
  });

  test("returns the text without a byte order mark", () => {
    expect(readManifest(bytesOf(`\ufeff${HEAD}`)).text).toBe(HEAD);
  });

  test("lists all faults, each at its JSON pointer", () => {
    const text = [
      "name: My Package",
      "version: v1",
      "description: {a: b}",
      "maintainers: [someone, {name: [a]}]",
      "dependencies: {name: a}",
      "conditions: [x]",
      "inputs: [{required: maybe, options: x}]",
      "tags: [ok, [a], {b: c}, 'a,b']",
      "license: [MIT]",
    ].join("\n");
    expect(faultsOf(text).sort()).toEqual(
      [
        "/conditions manifest_wrong_type",
        "/dependencies manifest_wrong_type",
        "/description manifest_wrong_type",
        "/inputs/0/options manifest_wrong_type",
        "/inputs/0/required manifest_wrong_type",
        "/license manifest_wrong_type",
        "/maintainers/0 manifest_wrong_type",
        "/maintainers/1/name manifest_wrong_type",
        "/name manifest_name_invalid",
        "/tags/1 manifest_wrong_type",
        "/tags/2 manifest_wrong_type",
        "/tags/3 manifest_field_invalid",
        "/version manifest_version_invalid",
      ].sort(),
    );
  });

  test.each(["name", "version"])("requires %s, not null and not empty", (field) => {
    const other = field === "name" ? "version: 1.0.0\n" : "name: a\n";
    for (const value of [undefined, "", "~", "''"]) {
      const line = value === undefined ? "" : `${field}: ${value}\n`;
      expect(faultsOf(other + line)).toEqual([`/${field} manifest_field_missing`]);
    }
  });

  test("requires the name of a dependency", () => {
    expect(faultsOf(`${HEAD}dependencies: [{version: 1.0.0}]\n`)).toEqual([
      "/dependencies/0/name manifest_field_missing",
    ]);
  });

  test("refuses architectures as a list, which the client cannot decode", () => {
    expect(faultsOf(`${HEAD}conditions: {architecture: [amd64, arm64]}\n`)).toEqual([
      "/conditions/architecture manifest_wrong_type",
    ]);
  });

  test("refuses a document that is not a map", () => {
    for (const text of ["", "[]", "text", "~"]) expect(faultsOf(text)).toEqual([" manifest_wrong_type"]);
  });

  test("limits the length of texts and lists", () => {
    const tags = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`).join(", ");
    expect(read(`${HEAD}description: ${"d".repeat(2_000)}\ntags: [${tags(50)}]\n`).tags).toHaveLength(50);
    expect(faultsOf(`${HEAD}description: ${"d".repeat(2_001)}\n`)).toEqual(["/description manifest_field_too_long"]);
    expect(faultsOf(`${HEAD}tags: [${tags(51)}]\n`)).toEqual(["/tags manifest_field_too_long"]);
    expect(faultsOf(`${HEAD}tags: [${"t".repeat(51)}]\n`)).toEqual(["/tags/0 manifest_field_too_long"]);
    expect(faultsOf(`${HEAD}dependencies: [${"{name: a},".repeat(201)}]\n`)).toEqual([
      "/dependencies manifest_field_too_long",
    ]);
  });

  test("limits the bytes of all known fields together, but not of unknown ones", () => {
    const inputs = (chars: number, char: string) => `inputs:\n  - {key: a, default: "${char.repeat(chars)}"}\n`;
    expect(faultsOf(HEAD + inputs(32_000, "d"))).toEqual([]);
    expect(faultsOf(HEAD + inputs(32_768, "d"))).toEqual([" manifest_field_too_long"]);
    expect(faultsOf(HEAD + inputs(16_400, "é"))).toEqual([" manifest_field_too_long"]);
    expect(faultsOf(`${HEAD}unknown: ${"d".repeat(100_000)}\n`)).toEqual([]);
  });

  test("refuses line breaks and control characters in one-line fields", () => {
    expect(faultsOf(`${HEAD}license: "a\\nb"\n`)).toEqual(["/license manifest_field_invalid"]);
    expect(faultsOf(`${HEAD}tags: ["a\\u001b[31m"]\n`)).toEqual(["/tags/0 manifest_field_invalid"]);
  });
});
