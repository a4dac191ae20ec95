import { expect, test } from "bun:test";
import { oneTypoFrom } from "../../src/search/one-typo.ts";

test("oneTypoFrom returns each text with one letter added, removed, replaced or swapped, once", () => {
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

test("oneTypoFrom is symmetric: a text one typo away from a name has that name one typo away", () => {
  for (const name of oneTypoFrom("redis").filter(({ length }) => length >= 3))
    expect(oneTypoFrom(name)).toContain("redis");
});

test("oneTypoFrom returns nothing for long or very short texts and for texts that cannot be part of a name", () => {
  expect(oneTypoFrom("ab")).toEqual([]);
  expect(oneTypoFrom("kubernetes")).toEqual([]);
  for (const text of ["𠮷野家", "😀zzq", "two wd", "ünder"]) expect([text, oneTypoFrom(text)]).toEqual([text, []]);
  expect(oneTypoFrom("promethe").length).toBeLessThan(750);
});
