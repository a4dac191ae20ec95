import { expect, test } from "bun:test";
import { oneTypoFrom } from "../../src/search/one-typo.ts";

test("one letter too many, too few, wrong, or two in each other's place, wherever they are, and each once", () => {
  const near = oneTypoFrom("nginx");
  for (const name of [
    "anginx",
    "ng-inx",
    "nginx0",
    "ginx",
    "ngin",
    "mginx",
    "ngiux",
    "nginz",
    "gninx",
    "nignx",
    "ngixn",
  ])
    expect(near).toContain(name);
  for (const name of ["nginx", "ngnixx", "nixgn", "nginxab", "nx"]) expect(near).not.toContain(name);
  expect(new Set(near).size).toBe(near.length);
});

test("is symmetric: who mistypes one of two names gets the other", () => {
  for (const name of oneTypoFrom("redis").filter(({ length }) => length >= 3))
    expect(oneTypoFrom(name)).toContain("redis");
});

test("texts with enough trigrams, and those that are near to everything, have none", () => {
  expect(oneTypoFrom("ab")).toEqual([]);
  expect(oneTypoFrom("kubernetes")).toEqual([]);
  for (const text of ["𠮷野家", "😀zzq", "two wd", "ünder"]) expect([text, oneTypoFrom(text)]).toEqual([text, []]);
  expect(oneTypoFrom("promethe").length).toBeLessThan(750);
});
