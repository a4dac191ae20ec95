import { describe, expect, test } from "bun:test";
import { type EntryKind, readEntryName } from "../../src/archive/entry-name.ts";
import { EntryNames } from "../../src/archive/entry-names.ts";
import { bytesOf } from "../support/archive-maker.ts";

function codesOf(name: string | Uint8Array, kind: EntryKind = "file"): (string | undefined)[] {
  return readEntryName(bytesOf(name), kind).problems.map((problem) => problem.code);
}

function conflictsOf(entries: readonly (readonly [string, EntryKind])[]): string[] {
  const names = new EntryNames();
  return entries.flatMap(([path, kind]) => names.add(path, kind).map((fault) => fault.code));
}

describe("readEntryName", () => {
  test.each([
    "colony.yaml",
    "templates/a.json.tpl",
    ".hidden",
    "a b/c",
    "ünï/文.txt",
    "a..b",
    "...a",
    "console",
    "com10.txt",
  ])("accepts %s", (name) => expect(codesOf(name)).toEqual([]));

  test("reads \\ as / for the rules and keeps it in the name that readers create", () => {
    expect(readEntryName(bytesOf("templates\\a\\b.json"), "file")).toMatchObject({
      path: "templates/a/b.json",
      created: "templates\\a\\b.json",
    });
    expect(readEntryName(bytesOf("./templates/a"), "file")).toMatchObject({
      path: "templates/a",
      created: "templates/a",
    });
    expect(readEntryName(bytesOf(".\\a"), "file")).toMatchObject({ path: "a", created: ".\\a" });
  });

  test("strips one leading ./ and no second", () => {
    expect(readEntryName(bytesOf("./a/b"), "file")).toMatchObject({ path: "a/b", problems: [] });
    expect(readEntryName(bytesOf(".\\a"), "file")).toMatchObject({ path: "a", problems: [] });
    expect(codesOf("././a")).toEqual(["name_traversal"]);
  });

  test("accepts directories with and without a slash at the end", () => {
    for (const name of ["a/b", "a/b/"])
      expect(readEntryName(bytesOf(name), "directory")).toMatchObject({ path: "a/b", problems: [] });
  });

  test("accepts ., ./ and / as the directory of the package and not as a file", () => {
    for (const name of [".", "./", "/"])
      expect(readEntryName(bytesOf(name), "directory")).toMatchObject({ path: "", problems: [] });
    expect(codesOf(".")).toEqual(["name_traversal"]);
    for (const name of ["//", "\\", "/."]) expect(codesOf(name, "directory")).not.toEqual([]);
  });

  test.each([
    ["", "name_empty"],
    ["./", "name_empty"],
    ["../x", "name_traversal"],
    ["a/../b", "name_traversal"],
    ["a/..", "name_traversal"],
    ["..\\x", "name_traversal"],
    ["a/./b", "name_traversal"],
    ["/etc/passwd", "name_absolute"],
    ["\\windows", "name_absolute"],
    ["C:/x", "name_absolute"],
    ["c:x", "name_absolute"],
    ["a//b", "name_empty_segment"],
    ["a/", "name_empty_segment"],
    ["a\nb", "name_control_character"],
    ["a\0b", "name_control_character"],
    ["a\u007fb", "name_control_character"],
    ["a\u009bb", "name_control_character"],
    ["a\u202eb", "name_control_character"],
    ["a\u200bb", "name_control_character"],
    ['a"b', "name_forbidden_character"],
    ["a<b", "name_forbidden_character"],
    ["a>b", "name_forbidden_character"],
    ["a|b", "name_forbidden_character"],
    ["a?b", "name_forbidden_character"],
    ["a*b", "name_forbidden_character"],
    ["file:stream", "name_forbidden_character"],
    ["a.", "name_trailing_dot_or_space"],
    ["a /b", "name_trailing_dot_or_space"],
    ["a/.../b", "name_trailing_dot_or_space"],
    ["nul", "name_windows_device"],
    ["a/CON/b", "name_windows_device"],
    ["Com1.txt", "name_windows_device"],
    ["aux .txt", "name_windows_device"],
    ["lpt¹", "name_windows_device"],
    ["cafe\u0301", "name_not_nfc"],
    ["a".repeat(241), "name_too_long"],
    ["ä".repeat(121), "name_too_long"],
    ["a/".repeat(16).concat("a"), "name_too_deep"],
  ])("refuses %j with %s", (name, code) => expect(codesOf(name)).toContain(code));

  test("refuses bytes that are not UTF-8", () => {
    for (const bytes of [
      [0x61, 0xff],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
    ]) {
      expect(codesOf(new Uint8Array(bytes))).toEqual(["name_not_utf8"]);
    }
  });

  test("accepts exactly 240 bytes and 16 segments", () => {
    expect(codesOf("a".repeat(240))).toEqual([]);
    expect(codesOf("a/".repeat(15).concat("a"))).toEqual([]);
  });

  test("counts bytes and segments without ./ before the name and / after a directory", () => {
    const names = ["a".repeat(240), "ä".repeat(120), `${"d/".repeat(15)}a`];
    for (const name of names) {
      expect(codesOf(`./${name}`)).toEqual([]);
      expect(codesOf(`./${name}/`, "directory")).toEqual([]);
    }
    expect(codesOf(`./${"a".repeat(241)}`)).toEqual(["name_too_long"]);
  });

  test("lists every problem of one name", () => {
    expect(codesOf("/../nul/a?")).toEqual(
      expect.arrayContaining(["name_absolute", "name_traversal", "name_windows_device", "name_forbidden_character"]),
    );
  });

  test.each(["/x", "//server/x", "\\\\server\\x", "C:/x", "c:x", "C:\\x", "a:stream", "/"])(
    "finds one problem in %j",
    (name) => expect(codesOf(name)).toEqual(["name_absolute"]),
  );

  test("escapes control characters in its messages", () => {
    const [problem] = readEntryName(bytesOf("a\u001b[31mb"), "file").problems;
    expect(problem?.path).toContain("\\u{1b}");
    expect(JSON.stringify(problem)).not.toContain("\\u001b");
  });
});

describe("EntryNames", () => {
  test("accepts different names and parents that are listed", () => {
    expect(
      conflictsOf([
        ["", "directory"],
        ["a", "directory"],
        ["a/b", "file"],
        ["c/d", "file"],
        ["c", "directory"],
      ]),
    ).toEqual([]);
  });

  test("finds a name that appears twice, file or directory", () => {
    expect(
      conflictsOf([
        ["a", "file"],
        ["a", "file"],
      ]),
    ).toEqual(["name_duplicate"]);
    expect(
      conflictsOf([
        ["", "directory"],
        ["", "directory"],
      ]),
    ).toEqual(["name_duplicate"]);
    expect(
      conflictsOf([
        ["a/b", "file"],
        ["a", "directory"],
        ["a", "directory"],
      ]),
    ).toEqual(["name_duplicate"]);
  });

  test("finds names that differ only in case", () => {
    expect(
      conflictsOf([
        ["README.md", "file"],
        ["readme.MD", "file"],
      ]),
    ).toEqual(["name_case_conflict"]);
    expect(
      conflictsOf([
        ["straße", "file"],
        ["STRASSE", "file"],
      ]),
    ).toEqual(["name_case_conflict"]);
  });

  test("finds folders that differ only in case", () => {
    expect(
      conflictsOf([
        ["Lib/a", "file"],
        ["lib/b", "file"],
      ]),
    ).toEqual(["name_case_conflict"]);
  });

  test("finds a file that is also a directory, in either order", () => {
    expect(
      conflictsOf([
        ["a", "file"],
        ["a/b", "file"],
      ]),
    ).toEqual(["name_file_and_directory"]);
    expect(
      conflictsOf([
        ["a/b/c", "file"],
        ["a", "file"],
      ]),
    ).toEqual(["name_file_and_directory"]);
    expect(
      conflictsOf([
        ["a", "file"],
        ["a", "directory"],
      ]),
    ).toEqual(["name_file_and_directory"]);
  });
});
