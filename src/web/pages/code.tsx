/** @jsxImportSource preact */
import { type Highlighting, highlight } from "../highlight/highlight.ts";
import type { Token } from "../highlight/token.ts";

/** The tokens of a line in their colours. */
export function Tokens({ tokens }: { readonly tokens: readonly Token[] }) {
  return <>{tokens.map(({ text, kind }) => (kind === undefined ? text : <span class={`tok-${kind}`}>{text}</span>))}</>;
}

interface CodeProps {
  readonly text: string;
  readonly highlighting: Highlighting;
  /** What a screen reader calls it, such as the path of the file. */
  readonly label: string;
}

/**
 * A text with line numbers. Each number is a link to its line, so that a line can be sent to
 * somebody. The Tab key passes over them: a long file would have thousands of stops.
 */
export function Code({ text, highlighting, label }: CodeProps) {
  return (
    <section class="code" aria-label={label} tabindex={0}>
      <pre>
        {highlight(text, highlighting).map((tokens, at) => (
          <span key={at} class="line" id={`L${at + 1}`}>
            <a href={`#L${at + 1}`} tabindex={-1}>
              {at + 1}
            </a>
            <code>
              <Tokens tokens={tokens} />
            </code>
            {"\n"}
          </span>
        ))}
      </pre>
    </section>
  );
}
