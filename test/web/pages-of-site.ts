/* Walks a site from its first page, as a browser or a search engine does. */

/** What a walk found at one address. */
export interface SeenPage {
  readonly address: string;
  readonly status: number;
  readonly contentType: string;
  readonly policy: string;
  readonly text: string;
}

/** Returns the commands of a page that can be copied, without their markup. */
export function commandsIn(html: string): string[] {
  const commands = [...html.matchAll(/data-copy="[^"]*"><code>(.*?)<\/code>/gs)].map(([, command = ""]) => command);
  const plain = commands.map((command) => command.replace(/<[^>]+>/g, "").replaceAll("&lt;", "<"));
  return plain.map((command) => command.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&"));
}

/** More pages than the sites of tests have: a walk must end. */
const PAGES_MAX = 600;
const AT_ONCE = 6;

/** The addresses of links, forms and files that a page names, without their fragments. */
function linksOf(text: string, address: string): string[] {
  const found: string[] = [];
  const add = (value: string | null) => {
    if (value === null) return;
    const url = URL.parse(value, address);
    if (url === null) throw new Error(`${address} has the link ${value}`);
    url.hash = "";
    found.push(url.href);
  };
  new HTMLRewriter()
    .on("a[href], link[href]", { element: (element) => add(element.getAttribute("href")) })
    .on("script[src], img[src]", { element: (element) => add(element.getAttribute("src")) })
    .on("form:not([method=post])[action]", { element: (element) => add(element.getAttribute("action")) })
    .transform(text);
  return found;
}

async function see(address: string, headers: Record<string, string>): Promise<SeenPage> {
  const response = await fetch(address, { redirect: "manual", headers: { accept: "text/html", ...headers } });
  const contentType = response.headers.get("content-type") ?? "";
  const policy = response.headers.get("content-security-policy") ?? "";
  const text = contentType.startsWith("text/html") ? await response.text() : "";
  if (!contentType.startsWith("text/html")) await response.arrayBuffer();
  const location = response.headers.get("location");
  const link = location === null ? text : `<a href="${location.replaceAll("&", "&amp;")}"></a>`;
  return { address, status: response.status, contentType, policy, text: link };
}

/**
 * Returns everything that the links from `start` lead to below `start`. Each address is asked for
 * once. `skips` names addresses that are not followed.
 */
export async function walk(
  start: string,
  {
    headers = {},
    skips = () => false,
  }: { readonly headers?: Record<string, string>; readonly skips?: (address: string) => boolean } = {},
): Promise<SeenPage[]> {
  const known = new Set([start]);
  const pages: SeenPage[] = [];
  for (let next = [start]; next.length > 0; ) {
    if (known.size > PAGES_MAX) throw new Error(`more than ${PAGES_MAX} pages, such as ${next[0]}`);
    const some = next.splice(0, AT_ONCE);
    for (const page of await Promise.all(some.map((address) => see(address, headers)))) {
      pages.push(page);
      for (const address of linksOf(page.text, page.address)) {
        if (!address.startsWith(start) || known.has(address) || skips(address)) continue;
        known.add(address);
        next.push(address);
      }
    }
  }
  return pages;
}

/** The places of a page that a browser follows by itself or by a click. */
const ADDRESSES = ["href", "src", "action"] as const;

/** Returns what is wrong with the structure of a page. */
export function faultsOf({ text, policy }: Pick<SeenPage, "text" | "policy">): string[] {
  const faults: string[] = [];
  const ids: string[] = [];
  const labelled = new Set<string>();
  const fields: { readonly id: string | null; readonly hasName: boolean }[] = [];
  const anchors: string[] = [];
  const counts = { h1: 0, title: 0, main: 0, lang: 0 };
  const count = (name: keyof typeof counts) => {
    counts[name] += 1;
  };
  let level = 0;
  let isInLabel = false;
  new HTMLRewriter()
    .on("html", {
      element: (element) => {
        if (element.getAttribute("lang") === "en") count("lang");
      },
    })
    .on("title", {
      text: ({ text: part }) => {
        if (part.trim() !== "") count("title");
      },
    })
    .on("main", { element: () => count("main") })
    .on("h1, h2, h3, h4, h5, h6", {
      element: ({ tagName }) => {
        const own = Number(tagName.slice(1));
        if (own === 1) count("h1");
        if (own > level + 1) faults.push(`a heading of level ${own} follows one of ${level}`);
        level = own;
      },
    })
    .on("label[for]", { element: (element) => void labelled.add(element.getAttribute("for") ?? "") })
    .on("label input, label select, label textarea", {
      element: () => {
        isInLabel = true;
      },
    })
    .on("input:not([type=hidden]), select, textarea", {
      element: (element) => {
        fields.push({ id: element.getAttribute("id"), hasName: isInLabel || element.hasAttribute("aria-label") });
        isInLabel = false;
      },
    })
    .on("img", { element: (element) => void (element.hasAttribute("alt") || faults.push("an image without alt")) })
    .on("*", {
      element: (element) => {
        const id = element.getAttribute("id");
        if (id !== null) ids.push(id);
        if (element.hasAttribute("style") || element.hasAttribute("onclick")) faults.push(`inline: ${element.tagName}`);
        for (const name of ADDRESSES) {
          const address = element.getAttribute(name);
          if (address === null) continue;
          if (address.startsWith("/") || /^(?!https?:|mailto:)[a-z]+:/i.test(address))
            faults.push(`${name}=${address}`);
          if (address.startsWith("#") && address.length > 1) anchors.push(address.slice(1));
        }
      },
    })
    .transform(text);
  for (const [name, count] of Object.entries(counts)) if (count !== 1) faults.push(`${count} of ${name}`);
  if (new Set(ids).size !== ids.length) faults.push(`ids twice: ${ids.filter((id, at) => ids.indexOf(id) !== at)}`);
  for (const anchor of anchors) if (!ids.includes(decodeURIComponent(anchor))) faults.push(`no place #${anchor}`);
  for (const { id, hasName } of fields) if (!hasName && !labelled.has(id ?? "")) faults.push(`no label for ${id}`);
  if (!policy.includes("default-src 'none'")) faults.push("no policy");
  return faults;
}
