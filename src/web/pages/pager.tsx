/** @jsxImportSource preact */
import type { OfVisit } from "../layout.tsx";

interface PagerProps extends OfVisit {
  readonly label: string;
  /** Addresses below the root; undefined where there is no such page. */
  readonly previous: string | undefined;
  readonly next: string | undefined;
  /** Where the reader is, such as `Page 2 of 7`. */
  readonly position?: string;
  readonly previousText?: string;
  readonly nextText?: string;
}

/** The links to the pages before and after. Nothing where there is only one page. */
export function Pager({ visit: { root }, label, previous, next, position, ...texts }: PagerProps) {
  if (previous === undefined && next === undefined) return null;
  const { previousText = "Previous", nextText = "Next" } = texts;
  return (
    <nav class="pager" aria-label={label}>
      {previous !== undefined && (
        <a class="button" rel="prev" href={`${root}${previous}`}>
          {previousText}
        </a>
      )}
      {position !== undefined && <span class="hint">{position}</span>}
      {next !== undefined && (
        <a class="button" rel="next" href={`${root}${next}`}>
          {nextText}
        </a>
      )}
    </nav>
  );
}
