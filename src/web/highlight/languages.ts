import { rulesOf, splitByRules, type TokenLine } from "./token.ts";

/*
 * The languages of packages. Each knows enough to make a text easier to read, and is no parser. A
 * pattern that begins a string or a comment has no end that it must find, so that none of them
 * fails after it looked at a long text.
 */

/** What a language remembers from one piece of a line to the next, and from line to line. */
export interface Memory {
  /** The quote of a string that a template interrupts; empty outside of one. Ends with the line. */
  quote: string;
  /** The indentation of a block scalar of YAML, or the marker of a fence of Markdown. */
  block: number | string | undefined;
  /** True before anything of the line was seen. */
  isLineStart: boolean;
}

/** Splits a piece of a line into tokens. */
export type Language = (text: string, memory: Memory, line: TokenLine) => void;

const DOUBLE = /"(?:[^"\\]|\\.)*"?/su;
const SINGLE = /'[^']*'?/su;
const NUMBER = /-?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.-])/;

/** Takes the rest of a string that began before a template. Returns what follows it. */
function afterOpenString(text: string, memory: Memory, line: TokenLine): string {
  if (memory.quote === "") return text;
  const rest = memory.quote === '"' ? /^(?:[^"\\]|\\.)*/su.exec(text)?.[0] : /^[^']*/u.exec(text)?.[0];
  const length = rest?.length ?? 0;
  if (length >= text.length) {
    line.add(text, "string");
    return "";
  }
  line.add(text.slice(0, length + 1), "string");
  memory.quote = "";
  return text.slice(length + 1);
}

/** Remembers a string that has no end in this piece. */
function rememberString(memory: Memory, line: TokenLine): void {
  const last = line.tokens.at(-1);
  const quote = last?.kind === "string" ? (last.text[0] ?? "") : "";
  const isClosed = last !== undefined && last.text.length > 1 && last.text.endsWith(quote);
  memory.quote = (quote === '"' || quote === "'") && !isClosed ? quote : "";
}

const JSON_RULES = rulesOf(
  ["key", /"(?:[^"\\]|\\.){0,200}"(?=\s{0,20}:)/su],
  ["string", DOUBLE],
  ["number", NUMBER],
  ["number", /(?:true|false|null)\b/],
);

/** JSON. */
export const json: Language = (text, memory, line) => {
  splitByRules(afterOpenString(text, memory, line), JSON_RULES, line);
  rememberString(memory, line);
};

const YAML_MARKER = /^(?:---|\.\.\.)(?=\s|$)/;
const YAML_DASHES = /^(?:\s*-(?=\s))*\s*/;
const YAML_KEY = /^(?:"[^"\\]*"|'[^']*'|[^\s"'#&*!|>%@`{}[\],:-][^#:,{}[\]]*|[\w./-]+)(?=:(?:\s|$))/;
const YAML_RULES = rulesOf(
  ["comment", /(?<=^|\s)#.*/su],
  ["string", DOUBLE],
  ["string", SINGLE],
  ["keyword", /[&*!][\w!.-]+/],
  ["keyword", /[|>][+-]?\d?(?=\s*$)/],
  ["number", NUMBER],
  ["number", /(?:[Tt]rue|[Ff]alse|[Nn]ull|TRUE|FALSE|NULL|~)(?=\s*(?:[,}\]]|$))/],
  [undefined, /[^\s"'#&*!|>,{}[\]]+/],
);

const indentOf = (text: string) => text.length - text.trimStart().length;

/** YAML. The text of a block scalar has no colours of its own. */
export const yaml: Language = (text, memory, line) => {
  if (memory.isLineStart && typeof memory.block === "number") {
    if (text.trim() === "" || indentOf(text) > memory.block) return line.add(text, "string");
    memory.block = undefined;
  }
  if (memory.isLineStart && /[:-]\s+[|>][+-]?\d?\s*$/.test(text.slice(-40))) memory.block = indentOf(text);
  let rest = afterOpenString(text, memory, line);
  if (memory.isLineStart) rest = afterYamlStart(rest, line);
  splitByRules(rest, YAML_RULES, line);
  rememberString(memory, line);
};

/** Takes the marker of a document, the indentation, the dashes and the key with which a line begins. */
function afterYamlStart(text: string, line: TokenLine): string {
  const marker = YAML_MARKER.exec(text)?.[0] ?? "";
  const dashes = YAML_DASHES.exec(text.slice(marker.length))?.[0] ?? "";
  const start = marker.length + dashes.length;
  const key = YAML_KEY.exec(text.slice(start))?.[0] ?? "";
  line.add(marker, "keyword");
  line.add(dashes);
  line.add(key, "key");
  return text.slice(start + key.length);
}

const SHELL_RULES = rulesOf(
  ["comment", /(?<=^|\s)#.*/su],
  ["string", DOUBLE],
  ["string", SINGLE],
  ["variable", /\$(?:\w+|\{[^}]*\}?|[@*#?!$-])/],
  [
    "keyword",
    /(?<![\w./-])(?:if|then|elif|else|fi|for|while|until|do|done|case|esac|in|function|return|export|local|set)(?![\w./=-])/,
  ],
  [undefined, /[\w./:=@+-]+/],
);

/** Scripts of shells. */
export const shell: Language = (text, memory, line) => {
  splitByRules(afterOpenString(text, memory, line), SHELL_RULES, line);
  rememberString(memory, line);
};

const MARKDOWN_RULES = rulesOf(
  ["string", /`[^`]*`?/su],
  ["variable", /(?<=\])\([^)\s]*\)?/],
  [undefined, /[^`\]]+\]?/],
);

/** The source of Markdown. */
export const markdown: Language = (text, memory, line) => {
  if (!memory.isLineStart) return splitByRules(text, MARKDOWN_RULES, line);
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(text)?.[1];
  if (typeof memory.block === "string") {
    if (fence?.startsWith(memory.block) === true) memory.block = undefined;
    return line.add(text, "string");
  }
  if (fence !== undefined) {
    memory.block = fence;
    return line.add(text, "string");
  }
  if (/^ {0,3}#{1,6}(?:\s|$)/.test(text)) return line.add(text, "heading");
  const start = /^\s*(?:[-*+]|\d{1,9}[.)]|>)\s/.exec(text)?.[0] ?? "";
  line.add(start, "keyword");
  splitByRules(text.slice(start.length), MARKDOWN_RULES, line);
};

/** Text without a language. */
export const plain: Language = (text, _memory, line) => line.add(text);

const TEMPLATE_RULES = rulesOf(
  ["keyword", /\{\{-?|-?\}\}/],
  ["string", DOUBLE],
  ["string", /`[^`]*`?/su],
  ["keyword", /(?<![\w.$])(?:if|else|end|range|with|define|template|block|include|and|or|not|break|continue)(?!\w)/],
  ["variable", /[.$][\w.]*/],
  ["number", NUMBER],
);

/** What is between `{{` and `}}` of a Go template, with them. */
export function templateTokens(text: string, line: TokenLine): void {
  if (/^\{\{-?\s{0,20}\/\*/.test(text)) line.add(text, "comment");
  else splitByRules(text, TEMPLATE_RULES, line);
}
