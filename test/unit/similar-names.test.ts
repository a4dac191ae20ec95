import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { foldName, parsePackageName } from "../../src/domain/package-name.ts";
import { skeletonOf } from "../../src/domain/similar-names.ts";

const ALIKE: readonly (readonly string[])[] = [
  [
    "learn-tools",
    "leam-tools",
    "learn_tools",
    "learntools",
    "le-arn.tools",
    "learn-tool",
    "learn-t00ls",
    "learn-too1s",
  ],
  ["ml-utils", "m1-utils", "mi-utils", "mlutil", "ml-ut1ls", "m-i-u-t-i-l"],
  ["corn", "com", "c0m", "c0rn", "cor-n", "coms"],
  ["class", "clas", "cla", "c1ass", "ciasss"],
  ["s", "ss", "s-s.s"],
];
const APART = [
  "learn-tools",
  "lean-tools",
  "ml-utils",
  "mm-utils",
  "corn",
  "corm",
  "class",
  "classy",
  "c",
  "2",
  "z",
  "7",
];

describe("skeletonOf", () => {
  test.each(ALIKE.map((names) => [names[0], names] as const))("is the same for names that look like %s", (_, names) => {
    expect([...new Set(names.map(skeletonOf))]).toHaveLength(1);
  });

  test("is different for names that look different", () => {
    expect(new Set(APART.map(skeletonOf)).size).toBe(APART.length);
  });

  const name = fc.stringMatching(/^[a-z0-9]+(?:[-_.][a-z0-9]+)*$/, { maxLength: 64 });
  test("is the same for names that fold alike, or differ in a separator or a plural s", () => {
    fc.assert(
      fc.property(name, (text) => {
        const parsed = parsePackageName(text);
        fc.pre(parsed !== undefined);
        const skeleton = skeletonOf(text);
        expect(skeletonOf(foldName(parsed))).toBe(skeleton);
        expect(skeletonOf(text.replaceAll(/[-_.]/g, ""))).toBe(skeleton);
        expect(skeletonOf(`${text}s`)).toBe(skeleton);
        expect(skeleton).not.toMatch(/[-_.1i0]|s$/);
      }),
      { numRuns: 500 },
    );
  });
});
