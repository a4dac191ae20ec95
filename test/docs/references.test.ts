import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { generalHelp } from "../../src/cli/help-text.ts";
import { readConfig } from "../../src/config/config.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { inTemporaryDirectory } from "../binary/executable.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";
import { blocksOf, listDocuments, ROOT, readDocument } from "./documents.ts";

/* What the documents name exists: scripts, commands, files, headings, settings. */

/** What is under a heading of the second level, up to the next one. */
function section(markdown: string, heading: string): string {
  const [, rest = ""] = markdown.split(`\n## ${heading}\n`);
  return rest.split("\n## ", 1)[0] ?? "";
}

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

describe("what the documents name exists", () => {
  test.each(DOCUMENTS)("the scripts in %s", (document) => {
    const scripts = Object.keys(JSON.parse(readDocument("package.json")).scripts);
    const named = readDocument(document).matchAll(/\b(?:npm|bun) (?:run ([\w:]+)|(start|test)\b)/g);
    for (const [, run, short] of named) expect(scripts).toContain(run ?? short ?? "");
  });

  test("npm start and npm test come first in the README", () => {
    const start = README.indexOf("npm start");
    expect(start).toBeGreaterThan(0);
    expect(README.indexOf("npm test")).toBeGreaterThan(start);
    expect(README.indexOf("npm test")).toBeLessThan(README.indexOf("```"));
  });

  test.each(DOCUMENTS)("the commands of cpm-registry in %s, in its help", (document) => {
    const commands = [...readDocument(document).matchAll(/`cpm-registry (\w+)(?: --[^`]*)?`/g)].map(
      ([, command]) => command,
    );
    for (const command of commands) expect(generalHelp()).toMatch(new RegExp(`^  ${command} {2,}`, "m"));
  });

  test("every command of the help, in the README", () => {
    const list = /Its commands are (.+?)\./s.exec(README)?.[1] ?? "";
    const named = [...list.matchAll(/`(\w+)`/g)].map(([, command]) => command);
    const [, commands = ""] = /\nCommands\n([\s\S]*?)\n\n/.exec(generalHelp()) ?? [];
    expect(named.sort()).toEqual([...commands.matchAll(/^ {2}(\w+)/gm)].map(([, command]) => command).sort());
  });

  test.each(DOCUMENTS)("the files and headings that %s links to", (document) => {
    const prose = readDocument(document).replace(/^```[\s\S]*?^```$/gm, "");
    const links = [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(([, link = ""]) => link);
    expect(links.map((link) => brokenLink(document, link)).filter((fault) => fault !== undefined)).toEqual([]);
  });
});

describe("the table of settings", () => {
  const rows = section(README, "Settings")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => ({
      line,
      names: [...(line.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
    }));
  const rowOf = (name: string) => rows.find(({ names }) => names.includes(name))?.line ?? "";

  test("has every setting once, and no other", () => {
    expect(rows.flatMap(({ names }) => names).sort()).toEqual(Object.keys(SETTINGS).sort());
  });

  test("tells the limits of archives as they are", () => {
    const limits = DEFAULT_ARCHIVE_LIMITS;
    expect(rowOf("ARCHIVE_MAX_BYTES")).toContain(` ${limits.compressedMaxBytes} `);
    expect(rowOf("ARCHIVE_UNPACKED_MAX_BYTES")).toContain(` ${limits.unpackedMaxBytes} `);
    expect(rowOf("ARCHIVE_ENTRIES_MAX")).toContain(` ${limits.entriesMax} `);
    expect(rowOf("MANIFEST_MAX_BYTES")).toContain(` ${limits.manifestMaxBytes} `);
  });

  test("is followed by a file that can be used", () =>
    inTemporaryDirectory(async (directory) => {
      const example = blocksOf(README).find(({ language }) => language === "json");
      const file = join(directory, "config.json");
      writeFileSync(file, example?.text ?? "");
      const config = readConfig(file, { JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY });
      expect(config).toMatchObject({ port: 8080, database: { kind: "postgres", connection: { host: "db" } } });
    }));
});
