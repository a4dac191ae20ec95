import { describe, expect, test } from "bun:test";
import { cliDocument } from "../../scripts/cli-document.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { readDocument } from "./documents.ts";

describe("docs/cli.md", () => {
  test("docs/cli.md is what npm run generate writes from the table of commands", () => {
    expect(readDocument("docs/cli.md")).toBe(cliDocument());
  });

  test("docs/cli.md has a section for every command that the help lists", () => {
    const sections = [...readDocument("docs/cli.md").matchAll(/^### (.+)$/gm)].map(([, name]) => name ?? "");
    const shown = COMMANDS.filter(({ internal }) => internal !== true).map(({ name }) => name);
    expect(sections.toSorted()).toEqual(shown.toSorted());
  });
});
