import { describe, expect, test } from "bun:test";
import { parse } from "yaml";
import { blocksOf, readDocument } from "./documents.ts";

/** The texts in a document of YAML, at any depth. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

describe("the jobs of docs/ci.md", () => {
  const blocks = blocksOf(readDocument("docs/ci.md"));
  const jobs = blocks.filter(({ language }) => language === "yaml");
  const tried = blocks.filter(({ language }) => language === "sh").flatMap(({ text }) => text.split("\n"));

  test.each(jobs.map(({ heading, text }) => [heading, text] as const))(
    "the job for %s is YAML, and runs the command that the page tries before",
    (_, text) => {
      const lines = textsOf(parse(text)).flatMap((script) => script.split("\n"));
      const commands = lines.filter((line) => /^cpm-registry /.test(line));
      expect(commands).toEqual(["cpm-registry publish --if-changed"]);
      expect(tried).toEqual(expect.arrayContaining(commands));
    },
  );

  test("there is one for GitHub Actions and one for GitLab CI", () => {
    expect(jobs.map(({ heading }) => heading)).toEqual(["GitHub Actions", "GitLab CI"]);
  });
});
