/** @jsxImportSource preact */
import { encodedFilePath } from "../../domain/file-address.ts";
import { MARKDOWN_MAX_CHARS, markdownHtml } from "./markdown.tsx";
import type { MarkdownPlace } from "./readme-links.ts";

/** Cuts a text at the end of a line. */
function shortened(text: string): string {
  if (text.length <= MARKDOWN_MAX_CHARS) return text;
  const end = text.lastIndexOf("\n", MARKDOWN_MAX_CHARS);
  return text.slice(0, end > MARKDOWN_MAX_CHARS / 2 ? end : MARKDOWN_MAX_CHARS);
}

interface MarkdownTextProps {
  readonly text: string;
  readonly place: MarkdownPlace;
}

/** A text in Markdown by a stranger, as a part of a page. Of a very long one, only the beginning. */
export function MarkdownText({ text, place }: MarkdownTextProps) {
  const shown = shortened(text);
  const html = markdownHtml(shown, place);
  return (
    <>
      {html === undefined ? (
        <pre tabindex={0}>{shown}</pre>
      ) : (
        <div class="readme" dangerouslySetInnerHTML={{ __html: html }} />
      )}
      {shown.length < text.length && (
        <p class="banner">
          This is the beginning of a long text.{" "}
          <a href={`${place.root}${place.versionPath}/raw/${encodedFilePath(place.path)}`}>Open all of it</a>
        </p>
      )}
    </>
  );
}
