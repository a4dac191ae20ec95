import { json, type Language, type Memory, markdown, plain, shell, templateTokens, yaml } from "./languages.ts";
import { type Token, TokenLine } from "./token.ts";

/** Longer lines are data, and nobody reads them by their colours. */
const LINE_MAX_CHARS = 2_000;
/** What follows this many tokens has no colours, so that a page stays small. */
const TOKENS_MAX = 30_000;

const LANGUAGES: Readonly<Record<string, Language>> = {
  yaml,
  yml: yaml,
  json,
  sh: shell,
  bash: shell,
  shell,
  md: markdown,
  markdown,
};

/** How to highlight a text. */
export interface Highlighting {
  readonly language: Language;
  /** True if the text may have the actions of Go templates, `{{ … }}`. */
  readonly isTemplate: boolean;
}

/** Returns how to highlight a block of code that names its language, such as `yaml`. */
export function highlightingOf(name: string): Highlighting {
  const isTemplate = /^(?:gotemplate|go-template|helm|tpl|gotmpl)$/i.test(name);
  const found = Object.hasOwn(LANGUAGES, name.toLowerCase()) ? LANGUAGES[name.toLowerCase()] : undefined;
  return { language: found ?? (isTemplate ? yaml : plain), isTemplate };
}

/** Returns how to highlight a file of a package. Whatever is below `templates/` is a template. */
export function highlightingOfFile(path: string): Highlighting {
  const [, outer = "", ending = ""] = /(?:\.([^./]*))?\.([^./]*)$/.exec(path.replace(/^\.+/, "")) ?? [];
  const isEnding = /^(?:tmpl|tpl|gotmpl)$/i.test(ending);
  const { language } = highlightingOf(isEnding ? outer : ending);
  return { language, isTemplate: isEnding || path.startsWith("templates/") };
}

/**
 * Splits a text into lines and their tokens. The tokens of a line, joined, are the line. The time
 * is proportional to the length of the text.
 */
export function highlight(text: string, { language, isTemplate }: Highlighting): (readonly Token[])[] {
  const memory: Memory = { quote: "", block: undefined, isLineStart: true };
  const open = { template: "" };
  let left = TOKENS_MAX;
  return linesOf(text).map((source) => {
    const line = new TokenLine();
    memory.isLineStart = true;
    memory.quote = "";
    if (source.length > LINE_MAX_CHARS || left <= 0) line.add(source);
    else if (isTemplate) templateLine(source, { language, memory, open }, line);
    else language(source, memory, line);
    left -= line.tokens.length;
    return line.tokens;
  });
}

/** The end of the last line begins no further one. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n/);
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return lines;
}

interface TemplateState {
  readonly language: Language;
  readonly memory: Memory;
  /** What ends the action that is open since an earlier line; empty outside of one. */
  readonly open: { template: string };
}

/** Splits a line into what is inside of actions and what is outside. */
function templateLine(source: string, { language, memory, open }: TemplateState, line: TokenLine): void {
  let at = 0;
  while (at < source.length) {
    if (open.template === "") {
      const start = source.indexOf("{{", at);
      const end = start < 0 ? source.length : start;
      if (end > at) {
        language(source.slice(at, end), memory, line);
        memory.isLineStart = false;
      }
      at = end;
      if (start >= 0) open.template = /^\{\{-?\s{0,20}\/\*/.test(source.slice(start, start + 30)) ? "*/" : "}}";
      if (start < 0) return;
    }
    at = afterAction(source, at, open, line);
    memory.isLineStart = false;
  }
}

/** Takes an action, or what this line has of it. Returns where the text goes on. */
function afterAction(source: string, at: number, open: { template: string }, line: TokenLine): number {
  const marker = open.template === "*/" ? source.indexOf("*/", at) : at;
  const found = marker < 0 ? -1 : source.indexOf("}}", marker);
  const end = found < 0 ? source.length : found + 2;
  if (open.template === "*/") line.add(source.slice(at, end), "comment");
  else templateTokens(source.slice(at, end), line);
  if (found >= 0) open.template = "";
  return end;
}
