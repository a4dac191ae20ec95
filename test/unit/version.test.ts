import { describe, expect, test } from "bun:test";
import { parseDigest } from "../../src/domain/digest.ts";
import { compareVersions, isPrerelease, parseVersion, type Version } from "../../src/domain/version.ts";

function version(text: string): Version {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error(`not a version: ${text}`);
  return parsed;
}

describe("parseVersion", () => {
  test.each([
    "0.0.0",
    "1.2.3",
    "10.20.30",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-0.3.7",
    "1.0.0-x-y-z.--",
    "1.0.0+build.01",
  ])("accepts %s unchanged", (text) => expect(version(text).text).toBe(text));

  test.each([
    "",
    "1",
    "1.0",
    "1.0.0.0",
    "v1.0.0",
    "=1.0.0",
    " 1.0.0",
    "1.0.0 ",
    "1.0.0\n",
    "01.0.0",
    "1.0.0-01",
    "1.0.0-",
    "1.0.0+",
    "1.0.0-ä",
    "latest",
    "1.x.0",
  ])("refuses %j", (text) => expect(parseVersion(text)).toBeUndefined());

  test("accepts 64 characters and refuses 65", () => {
    expect(parseVersion(`1.0.0-${"a".repeat(58)}`)).toBeDefined();
    expect(parseVersion(`1.0.0-${"a".repeat(59)}`)).toBeUndefined();
  });

  test("refuses numbers that do not fit a double", () => {
    expect(parseVersion("9007199254740992.0.0")).toBeUndefined();
  });

  test("keeps build metadata in the text and not in the key", () => {
    expect(version("1.0.0-rc.1+linux.5")).toMatchObject({ text: "1.0.0-rc.1+linux.5", key: "1.0.0-rc.1" });
  });
});

describe("compareVersions", () => {
  test("orders the example of SemVer §11", () => {
    const ordered =
      "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.9.0 1.10.0";
    const sorted = ordered.split(" ").reverse().map(version).sort(compareVersions);
    expect(sorted.map((each) => each.text).join(" ")).toBe(ordered);
  });

  test("ignores build metadata", () => {
    expect(compareVersions(version("1.0.0+a"), version("1.0.0+b"))).toBe(0);
  });
});

describe("the order of pre-releases", () => {
  const sorted = (...texts: string[]) =>
    texts
      .map((text) => version(`1.0.0-${text}`))
      .toSorted(compareVersions)
      .map(({ text }) => text.slice(6));

  test("numbers above 2^53 compare exactly", () => {
    const ordered = ["9007199254740991", "9007199254740992", "9007199254740993", "9007199254740994"];
    expect(sorted(...ordered.toReversed())).toEqual(ordered);
    const long = ["rc.99999999999999999999998", "rc.99999999999999999999999", "rc.100000000000000000000000"];
    expect(sorted(...long.toReversed())).toEqual(long);
  });

  test("agrees with the rules of SemVer §11.4 in every pair", () => {
    const identifiers = [
      "0",
      "1",
      "2",
      "10",
      "99",
      "9007199254740993",
      "a",
      "a-",
      "a-b",
      "a0",
      "A",
      "Z",
      "-",
      "--",
      "0a",
    ];
    const lists = [
      ...identifiers,
      ...identifiers.flatMap((a) => identifiers.map((b) => `${a}.${b}`)),
      "a.1.b",
      "a.1.1",
    ];
    for (const a of lists) {
      for (const b of lists) {
        const order = compareVersions(version(`1.0.0-${a}`), version(`1.0.0-${b}`));
        expect([a, b, Math.sign(order)]).toEqual([a, b, precedence(a.split("."), b.split("."))]);
      }
      expect(compareVersions(version(`1.0.0-${a}`), version("1.0.0"))).toBeLessThan(0);
      expect(compareVersions(version(`1.0.0-${a}`), version("0.99.99"))).toBeGreaterThan(0);
    }
  });
});

/** SemVer 2.0.0 §11.4, word for word. */
function precedence(a: readonly string[], b: readonly string[]): number {
  for (const [at, one] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    const [isNumber, isOtherNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    if (isNumber && isOtherNumber && one !== other) return BigInt(one) < BigInt(other) ? -1 : 1;
    if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
    if (one !== other) return one < other ? -1 : 1;
  }
  return a.length === b.length ? 0 : -1;
}

test("isPrerelease is true only with a hyphen part", () => {
  expect(isPrerelease(version("1.0.0-rc.1"))).toBe(true);
  expect(isPrerelease(version("1.0.0+b-1"))).toBe(false);
});

test("parseDigest takes 64 lower-case hexadecimal characters and nothing else", () => {
  expect<string | undefined>(parseDigest("0a".repeat(32))).toBe("0a".repeat(32));
  for (const text of ["", "0A".repeat(32), "0a".repeat(31), `sha256:${"0a".repeat(32)}`, `${"0a".repeat(32)}\n`]) {
    expect(parseDigest(text)).toBeUndefined();
  }
});
