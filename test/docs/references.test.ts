import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { generalHelp } from "../../src/cli/help-text.ts";
import { listDocuments, ROOT, readDocument } from "./documents.ts";

/* What the documents name exists: scripts, commands, files and headings. */

/** The anchors of a document: its headings, as GitHub and most renderers write them. */
function anchorsOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```$/gm, "");
  return [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** What is wrong with a link of a document; `undefined` for a link that leads somewhere. */
function brokenLink(document: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? document : join(dirname(document), file);
  if (!existsSync(resolve(ROOT, target))) return `${link}: no such file`;
  if (anchor === undefined || !target.endsWith(".md")) return undefined;
  return anchorsOf(readDocument(target)).includes(anchor) ? undefined : `${link}: no such heading`;
}

const DOCUMENTS = listDocuments();
const README = readDocument("README.md");

describe("what the documents name", () => {
  test.each(DOCUMENTS)("every npm script that %s names exists", (document) => {
    const scripts = Object.keys(JSON.parse(readDocument("package.json")).scripts);
    const named = readDocument(document).matchAll(/\b(?:npm|bun) (?:run ([\w:]+)|(start|test)\b)/g);
    for (const [, run, short] of named) expect(scripts).toContain(run ?? short ?? "");
  });

  test("npm start and npm test come first in the README", () => {
    const start = README.indexOf("npm start");
    expect(start).toBeGreaterThan(0);
    expect(README.indexOf("npm test")).toBeGreaterThan(start);
    expect(README.indexOf("npm test")).toBeLessThan(README.indexOf("## Publish your first package"));
  });

  test.each(DOCUMENTS)("every command of cpm-registry that %s names is in the help", (document) => {
    const commands = [...readDocument(document).matchAll(/`cpm-registry (\w+)(?: --[^`]*)?`/g)].map(
      ([, command]) => command,
    );
    for (const command of commands) expect(generalHelp()).toMatch(new RegExp(`^  ${command} {2,}`, "m"));
  });

  test.each(DOCUMENTS)("every file and heading that %s links to exists", (document) => {
    const prose = readDocument(document).replace(/^```[\s\S]*?^```$/gm, "");
    const links = [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(([, link = ""]) => link);
    expect(links.map((link) => brokenLink(document, link)).filter((fault) => fault !== undefined)).toEqual([]);
  });
});

describe("the form of the documents", () => {
  test("the README has at most 150 lines", () => {
    expect(README.trimEnd().split("\n").length).toBeLessThanOrEqual(150);
  });

  test.each(DOCUMENTS)("the prose of %s has at most 100 columns", (document) => {
    // The address of a link cannot be wrapped.
    const prose = readDocument(document).replace(/^```[\s\S]*?^```$|\]\([^)]*\)/gm, "");
    const long = prose.split("\n").filter((line) => [...line].length > 100 && !line.startsWith("|"));
    expect(long).toEqual([]);
  });
});
