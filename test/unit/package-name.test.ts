import { describe, expect, test } from "bun:test";
import { explainPackageName, foldName, parsePackageName } from "../../src/domain/package-name.ts";

function folded(text: string): string | undefined {
  const name = parsePackageName(text);
  return name === undefined ? undefined : foldName(name);
}

describe("parsePackageName", () => {
  test.each(["a", "0", "my-package", "my_package", "my.package", "a1-b2_c3.d4", "x".repeat(64), "console", "com10"])(
    "accepts %s",
    (text) => expect<string | undefined>(parsePackageName(text)).toBe(text),
  );

  test.each([
    "",
    "A",
    "My-Package",
    "-a",
    "a-",
    "a--b",
    "a-_b",
    ".a",
    "a.",
    "a..b",
    "../a",
    "a/b",
    "a b",
    " a",
    "a\n",
    "ä",
  ])("refuses %j", (text) => {
    expect(parsePackageName(text)).toBeUndefined();
    expect(explainPackageName(text)).toBeString();
  });

  test("refuses a name of 65 characters", () => {
    expect(parsePackageName("x".repeat(65))).toBeUndefined();
  });

  test.each(["con", "prn", "aux", "nul", "com1", "lpt9", "nul.txt", "con.a.b"])(
    "refuses the Windows device %s",
    (text) => {
      expect(parsePackageName(text)).toBeUndefined();
      expect(explainPackageName(text)).toContain("Windows");
    },
  );

  test("refuses reserved names in every punctuation", () => {
    for (const text of ["api", "latest", "cpm", "cpm-registry", "cpm_registry", "cpm.registry"]) {
      expect(parsePackageName(text)).toBeUndefined();
      expect(explainPackageName(text)).toContain("reserved");
    }
  });

  test("does not call a malformed name reserved", () => {
    expect(explainPackageName("A B")).not.toContain("reserved");
  });
});

describe("foldName", () => {
  test("folds names that differ only in - _ . to one text", () => {
    expect(new Set([folded("my-pkg.x"), folded("my_pkg-x"), folded("my.pkg_x")]).size).toBe(1);
  });

  test("folds other names to different texts", () => {
    expect(folded("mypkg")).not.toBe(folded("my-pkg"));
  });
});
