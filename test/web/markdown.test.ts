import { expect, test } from "bun:test";
import fc from "fast-check";
import { MARKDOWN_MAX_CHARS, markdownHtml } from "../../src/web/pages/markdown.tsx";
import { HOSTILE_MARKDOWN } from "./hostile-markdown.ts";

const ROOT = "../../../";
const VERSION = "packages/hello/1.0.0";
const place = { root: ROOT, versionPath: VERSION, path: "README.md" };
const html = (text: string) => markdownHtml(text, place) ?? "";

/* What is allowed, written down a second time: a check of the output that knows no parser. */

const TAG = /<(\/?)([a-z0-9]+)((?: [a-z-]+="[^"<]*")*)(?: \/)?>/g;
const ATTRIBUTE = / ([a-z-]+)="([^"]*)"/g;
const NAMES =
  "p ul ol li h2 h3 h4 h5 h6 table thead tbody tr th td pre code blockquote em strong del br hr a img span div".split(
    " ",
  );
const FOREIGN = /^(?:https?:\/\/|mailto:)/;
const OWN_LINK = new RegExp(`^(?:${RegExp.escape(`${ROOT}${VERSION}/files/`)}[^ ]*|#readme-[a-z0-9_-]+)$`);
const OWN_IMAGE = new RegExp(`^${RegExp.escape(`${ROOT}${VERSION}/images/`)}[^ ?#]+$`);
const VALUES: Readonly<Record<string, RegExp>> = {
  "a href": new RegExp(`${FOREIGN.source}|${OWN_LINK.source}`),
  "a rel": /^nofollow noopener noreferrer ugc$/,
  "a title": /^/,
  "img src": OWN_IMAGE,
  "img alt": /^/,
  "img loading": /^lazy$/,
  "ol start": /^\d{1,9}$/,
  "td class": /^(?:number|center)$/,
  "th class": /^(?:number|center)$/,
  "pre tabindex": /^0$/,
  "div class": /^table$/,
  "div role": /^region$/,
  "div aria-label": /^Table$/,
  "div tabindex": /^0$/,
  "span class": /^(?:task|tok-[a-z]+)$/,
  "span role": /^img$/,
  "span aria-label": /^(?:Done|Open)$/,
};

/** Returns what of the HTML of a text is not on the list. */
function faultsOf(output: string): string[] {
  const faults: string[] = [];
  const rest = output.replaceAll(TAG, (whole, end: string, name: string, attributes: string) => {
    if (!NAMES.includes(name)) faults.push(whole);
    const given = [...attributes.matchAll(ATTRIBUTE)].map(([, key = "", value = ""]) => [key, value] as const);
    for (const [key, value] of given) {
      const allowed = /^h[2-6]$/.test(name) && key === "id" ? /^readme-[a-z0-9_-]+$/ : VALUES[`${name} ${key}`];
      if (end !== "" || allowed?.test(value) !== true || /\.\.\/?(?:packages)/.test(value.slice(ROOT.length)))
        faults.push(whole);
      if (key === "href" && FOREIGN.test(value) && !given.some(([other]) => other === "rel")) faults.push(whole);
    }
    return "";
  });
  return rest.includes("<") ? [...faults, rest] : faults;
}

test.each(HOSTILE_MARKDOWN.map((text) => [text]))("nothing of this becomes active: %j", (text) => {
  expect(faultsOf(html(text))).toEqual([]);
});

test("whatever the Markdown, only listed elements, attributes and addresses come of it", () => {
  const piece = fc.oneof(
    fc.constantFrom(...HOSTILE_MARKDOWN),
    fc.constantFrom(
      "\n",
      "\n\n",
      "> ",
      "- ",
      "1. ",
      "    ",
      "```",
      "`",
      "**",
      "_",
      "~~",
      "[",
      "](",
      ")",
      "![",
      "|",
      "\\",
      "<",
      ">",
      '"',
      "&",
      "#",
      "&lt;http",
    ),
    fc.string({ maxLength: 12 }),
    fc.webUrl(),
  );
  const property = fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
    expect(faultsOf(html(pieces.join("")))).toEqual([]);
  });
  fc.assert(property, { numRuns: 800 });
});

test("links and images of a README lead to the files of the same version", () => {
  expect(html("[a](docs/guide.md#First-steps)")).toContain(
    `href="${ROOT}${VERSION}/files/docs/guide.md#readme-first-steps"`,
  );
  expect(html("[a](/LICENSE) [b](../../x)")).toContain(`href="${ROOT}${VERSION}/files/LICENSE"`);
  expect(html("![a](docs/a%20b.svg)")).toContain(`src="${ROOT}${VERSION}/images/docs/a%20b.svg" alt="a"`);
  const inFolder = markdownHtml("[a](other.md) ![b](../b.png)", { ...place, path: "docs/guide.md" });
  expect(inFolder).toContain(`${VERSION}/files/docs/other.md`);
  expect(inFolder).toContain(`${VERSION}/images/b.png`);
});

test("an image of another server is a link, and its text alone inside of another link", () => {
  const rel = 'rel="nofollow noopener noreferrer ugc"';
  expect(html("![Build](https://img.example.org/b.svg)")).toBe(
    `<p><a href="https://img.example.org/b.svg" ${rel}>Build</a></p>\n`,
  );
  expect(html("[![Build](https://img.example.org/b.svg)](https://ci.example.org/)")).toBe(
    `<p><a href="https://ci.example.org/" ${rel}>Build</a></p>\n`,
  );
});

test("headings go one level down, have their own ids once, and links to them find them", () => {
  const made = html("# Über uns & more\n\n## Same\n\n## Same\n\n[up](#über-uns--more) [x](#Same)\n\n###### Six");
  expect([...made.matchAll(/<h(\d) id="([^"]*)"/g)].map(([, level, id]) => `${level} ${id}`)).toEqual([
    "2 readme-ber-uns-more",
    "3 readme-same",
    "3 readme-same-1",
    "6 readme-six",
  ]);
  expect(made).toContain('href="#readme-ber-uns-more"');
  expect(made).toContain('href="#readme-same"');
});

test("an address in angle brackets is a link, but not in code", () => {
  expect(html("<https://a.example/?b=1&c=2>")).toContain('<a href="https://a.example/?b=1&amp;c=2"');
  expect(html("`<https://a.example>`")).toBe("<p><code>&lt;https://a.example&gt;</code></p>\n");
});

test("code keeps its text in its colours", () => {
  const made = html('```yaml\na: "<b>" # c\n\n- d\n```');
  expect(made).toContain('<span class="tok-key">a</span>');
  expect(made.replaceAll(/<[^>]*>/g, "")).toBe("a: &quot;&lt;b>&quot; # c\n\n- d\n");
});

test("a long README and one of many elements take a bounded time", () => {
  const hostile = [
    "# a\n",
    "> ",
    "*a ",
    "[a](b) ",
    "![",
    "```yaml\na\n```\n",
    "<",
    "&lt;http",
    "`",
    "|a",
    "- a\n",
    "[",
    "**a *b ",
  ];
  for (const piece of hostile) {
    const text = piece.repeat(MARKDOWN_MAX_CHARS / piece.length);
    const startedMs = performance.now();
    const made = markdownHtml(text, place);
    expect([piece, performance.now() - startedMs < 2_000]).toEqual([piece, true]);
    if (made !== undefined) expect(faultsOf(made)).toEqual([]);
  }
});
