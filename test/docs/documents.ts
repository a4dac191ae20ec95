import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dir, "../..");

/** One fenced block of a document. */
export interface Block {
  /** The heading that the block stands under. */
  readonly heading: string;
  /** The info string: `sh` is run by a test, `shell` is not. */
  readonly language: string;
  readonly text: string;
}

/** Lists every document, so that a new one is tested without being named anywhere. */
export function listDocuments(): string[] {
  const files = ["*.md", "docs/**/*.md"].flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(ROOT)]);
  return files.sort();
}

export function readDocument(document: string): string {
  return readFileSync(join(ROOT, document), "utf8");
}

const HEADING_OR_BLOCK = /^#{1,6} (.+)$|^( *)```(.*)\n([\s\S]*?)^\2```$/gm;

/** Lists the fenced blocks of a document in their order. Those in lists are without their indent. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = "";
  for (const [, title, indent = "", language = "", text = ""] of markdown.matchAll(HEADING_OR_BLOCK)) {
    if (title === undefined)
      blocks.push({ heading, language, text: text.replaceAll(new RegExp(`^${indent}`, "gm"), "") });
    else heading = title;
  }
  return blocks;
}

/** A command of a document, with the output that the document shows for it. */
export interface Step {
  readonly heading: string;
  readonly script: string;
  /**
   * The `text` or `json` block after the command, under the same heading; `…` stands for any text.
   */
  readonly shown: string | undefined;
}

/** Lists the `sh` blocks of a document, each with its output if the document shows one. */
export function stepsOf(markdown: string): Step[] {
  const blocks = blocksOf(markdown);
  return blocks.flatMap(({ heading, language, text }, at) => {
    if (language !== "sh") return [];
    const next = blocks[at + 1];
    const isOutput = next?.heading === heading && (next.language === "text" || next.language === "json");
    return [{ heading, script: text, shown: isOutput ? next.text : undefined }];
  });
}

/**
 * Returns the document whose commands a reader has run before this one, by the sentence at its
 * beginning: "This page continues [Getting started](getting-started.md) in the same terminal."
 */
export function documentBefore(document: string): string | undefined {
  const sentence = /continues \[[^\]]+\]\(([^)]+\.md)\)\s+in\s+the\s+same\s+terminal/.exec(readDocument(document));
  return sentence?.[1] === undefined ? undefined : join(document, "..", sentence[1]);
}

const withoutSpace = (text: string) => text.replace(/\s+/g, "");

/**
 * Returns whether a command printed the output that a document shows. White space is not compared,
 * so that a document may wrap a long line.
 */
export function printsWhatIsShown(shown: string, printed: string): boolean {
  const parts = withoutSpace(shown).split("…").map(RegExp.escape);
  return new RegExp(`^${parts.join(".*")}$`, "s").test(withoutSpace(printed));
}
