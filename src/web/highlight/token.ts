/**
 * What a piece of highlighted text is. Each kind has a class of the same name in page.css, after
 * `tok-`.
 */
export type TokenKind = "key" | "string" | "number" | "comment" | "keyword" | "variable" | "heading";

/** A piece of one line. All pieces of a line together are the line. */
export interface Token {
  readonly text: string;
  /** Undefined for text that looks like any other. */
  readonly kind?: TokenKind | undefined;
}

/** What a pattern finds. The pattern has no groups that capture, and matches at least one character. */
export type Rule = readonly [kind: TokenKind | undefined, pattern: RegExp];

/** Collects the tokens of a line, and joins neighbours of the same kind. */
export class TokenLine {
  readonly tokens: { text: string; readonly kind: TokenKind | undefined }[] = [];

  add(text: string, kind?: TokenKind): void {
    const last = this.tokens.at(-1);
    if (text === "") return;
    if (last !== undefined && last.kind === kind) last.text += text;
    else this.tokens.push({ text, kind });
  }
}

/** Rules as one expression, which finds something at every place of a text. */
export interface Rules {
  readonly kinds: readonly (TokenKind | undefined)[];
  readonly expression: RegExp;
}

/**
 * Makes one expression of rules, of which the first that matches wins. What no rule knows goes a
 * word at a time. No rule may look far ahead and then fail: then the time to split a text is
 * proportional to its length, whatever it is.
 */
export function rulesOf(...rules: readonly Rule[]): Rules {
  const patterns = rules.map(([, { source }]) => `(${source})`);
  return { kinds: rules.map(([kind]) => kind), expression: new RegExp([...patterns, "\\w+|\\s+|."].join("|"), "gsu") };
}

/** Splits text by rules. */
export function splitByRules(text: string, { kinds, expression }: Rules, line: TokenLine): void {
  for (const match of text.matchAll(expression)) {
    const at = match.findIndex((group, index) => index > 0 && group !== undefined);
    line.add(match[0], at < 0 ? undefined : kinds[at - 1]);
  }
}
