/** @jsxImportSource preact */
import { renderToString } from "preact-render-to-string";
import { highlight, highlightingOf } from "../highlight/highlight.ts";
import type { Token } from "../highlight/token.ts";
import { Tokens } from "./code.tsx";
import { headingId, imageAddress, linkAddress, type MarkdownPlace } from "./readme-links.ts";

type Element = HTMLRewriterTypes.Element;

/** A longer text is cut: it is made into a page in one turn. */
export const MARKDOWN_MAX_CHARS = 128 * 1_024;
/** A text with more tags is not a text for people, and is shown as it is. */
const TAGS_MAX = 12_000;
/** Browsers nest no deeper than some hundreds of elements; people need fewer. */
const DEPTH_MAX = 32;

const FOREIGN_REL = "nofollow noopener noreferrer ugc";

const PLAIN = /^(?:p|ul|ol|li|table|thead|tbody|tr|th|td|pre|code|blockquote|em|strong|del|br|hr)$/;
const NESTING = /^(?:ul|ol|blockquote|em|strong|del)$/;

/** A link as its own text, in the HTML that Bun makes of it. */
const BRACKETED = /&lt;(https?:\/\/(?:[^\s<>&]|&amp;)+)&gt;/g;

const ENTITIES: Readonly<Record<string, string>> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&" };

/** Bun's HTML has these four entities and no others. */
const decoded = (html: string) => html.replaceAll(/&(?:lt|gt|quot|amp);/g, (entity) => ENTITIES[entity] ?? entity);
const encoded = (text: string) => Bun.escapeHTML(text);

/** Keeps of the HTML of a text only what is known to be harmless, with addresses of our own making. */
class Sanitizer {
  #depth = 0;
  #openLinks = 0;
  #openCodes = 0;
  /** The code that is open and has a language. */
  #code: { readonly language: string; text: string } | undefined;
  readonly #ids = new Set<string>();

  constructor(readonly place: MarkdownPlace) {}

  element(element: Element): void {
    const { tagName: tag } = element;
    const given = new Map([...element.attributes].map(([name = "", value = ""]) => [name, decoded(value)]));
    for (const name of given.keys()) element.removeAttribute(name);
    if (tag === "a") this.#link(element, given);
    else if (tag === "img") this.#image(element, given);
    else if (tag === "input") element.replace(checkbox(given.has("checked")), { html: true });
    else if (/^h[1-6]$/.test(tag)) this.#heading(element, given.get("id") ?? "");
    else if (!PLAIN.test(tag)) element.removeAndKeepContent();
    else this.#plain(element, given);
  }

  /**
   * Code waits until its end, because a piece of it cannot be highlighted. Elsewhere `<https://…>`
   * becomes a link, which Bun leaves out where it reads no HTML.
   */
  text(chunk: HTMLRewriterTypes.Text): void {
    if (this.#code !== undefined) {
      this.#code.text += chunk.text;
      chunk.remove();
    } else if (this.#openCodes === 0 && this.#openLinks === 0 && chunk.text.includes("&lt;http")) {
      chunk.replace(
        chunk.text.replaceAll(BRACKETED, (_, html: string) => this.#bracketed(html)),
        { html: true },
      );
    }
  }

  #bracketed(html: string): string {
    const address = linkAddress(decoded(html), this.place);
    return address === undefined ? html : `<a href="${encoded(address)}" rel="${FOREIGN_REL}">${html}</a>`;
  }

  #plain(element: Element, given: ReadonlyMap<string, string>): void {
    const { tagName: tag } = element;
    if (NESTING.test(tag)) this.#nested(element);
    if (tag === "table") {
      element.before('<div class="table" role="region" aria-label="Table" tabindex="0">', { html: true });
      element.after("</div>", { html: true });
    }
    if (tag === "pre") element.setAttribute("tabindex", "0");
    if (tag === "code") this.#openCode(element, given.get("class") ?? "");
    const start = given.get("start") ?? "";
    if (tag === "ol" && /^\d{1,9}$/.test(start)) element.setAttribute("start", start);
    if (given.get("align") === "right") element.setAttribute("class", "number");
    if (given.get("align") === "center") element.setAttribute("class", "center");
  }

  /** A page has one heading of the first level, and it is not that of a README. */
  #heading(element: Element, slug: string): void {
    element.tagName = `h${Math.min(6, Number(element.tagName[1]) + 1)}`;
    const id = headingId(slug);
    if (id === undefined || this.#ids.has(id)) return;
    this.#ids.add(id);
    element.setAttribute("id", encoded(id));
  }

  #nested(element: Element): void {
    if (this.#depth >= DEPTH_MAX) {
      element.removeAndKeepContent();
      return;
    }
    this.#depth += 1;
    element.onEndTag(() => {
      this.#depth -= 1;
    });
  }

  #openCode(element: Element, kind: string): void {
    const language = /^language-([a-z0-9-]{1,20})$/i.exec(kind)?.[1];
    if (language !== undefined) this.#code = { language, text: "" };
    this.#openCodes += 1;
    element.onEndTag((end) => {
      this.#openCodes -= 1;
      if (this.#code === undefined) return;
      const lines = highlight(decoded(this.#code.text), highlightingOf(this.#code.language));
      this.#code = undefined;
      end.before(renderToString(<Lines lines={lines} />), { html: true });
    });
  }

  #link(element: Element, given: ReadonlyMap<string, string>): void {
    const address = linkAddress(given.get("href") ?? "", this.place);
    if (address === undefined) {
      element.removeAndKeepContent();
      return;
    }
    this.#openLinks += 1;
    element.onEndTag(() => {
      this.#openLinks -= 1;
    });
    element.setAttribute("href", encoded(address));
    if (/^[a-z]+:/.test(address)) element.setAttribute("rel", FOREIGN_REL);
    const title = given.get("title");
    if (title) element.setAttribute("title", encoded(title));
  }

  /** An image of another server is a link to it, or its text alone inside of another link. */
  #image(element: Element, given: ReadonlyMap<string, string>): void {
    const source = given.get("src") ?? "";
    const text = encoded(given.get("alt") ?? "");
    const own = imageAddress(source, this.place);
    if (own !== undefined) {
      element.setAttribute("src", encoded(own));
      element.setAttribute("alt", text);
      element.setAttribute("loading", "lazy");
      return;
    }
    const address = this.#openLinks > 0 ? undefined : linkAddress(source, this.place);
    const shown = text === "" ? "image" : text;
    const link = address === undefined ? shown : `<a href="${encoded(address)}" rel="${FOREIGN_REL}">${shown}</a>`;
    element.replace(link, { html: true });
  }
}

function Lines({ lines }: { readonly lines: readonly (readonly Token[])[] }) {
  return lines.map((tokens, at) => (
    <>
      {at > 0 && "\n"}
      <Tokens tokens={tokens} />
    </>
  ));
}

function checkbox(isChecked: boolean): string {
  return `<span class="task" role="img" aria-label="${isChecked ? "Done" : "Open"}">${isChecked ? "☑" : "☐"}</span> `;
}

/**
 * Makes HTML of a text in Markdown by a stranger. It runs no script and loads nothing but images of
 * the same version: raw HTML stays text, and elements, attributes and addresses are kept only if
 * they are on a list. Undefined for a text that has too many elements to be shown as a page.
 */
export function markdownHtml(text: string, place: MarkdownPlace): string | undefined {
  const html = Bun.markdown.html(text, {
    noHtmlBlocks: true,
    noHtmlSpans: true,
    autolinks: true,
    headings: { ids: true },
  });
  let tags = 0;
  for (let at = html.indexOf("<"); at >= 0; at = html.indexOf("<", at + 1)) tags += 1;
  if (tags > TAGS_MAX) return undefined;
  const sanitizer = new Sanitizer(place);
  return new HTMLRewriter()
    .on("*", {
      element: (element) => sanitizer.element(element),
      text: (chunk) => sanitizer.text(chunk),
      comments: (comment) => {
        comment.remove();
      },
    })
    .transform(html);
}
