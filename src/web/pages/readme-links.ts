import { encodedFilePath } from "../../domain/file-address.ts";

/** Where a text in Markdown is: its relative links and images begin there. */
export interface MarkdownPlace {
  /** The relative address of the root of the registry, as of a visit. */
  readonly root: string;
  /** The address of its version below the root, such as `packages/hello/1.0.0`. */
  readonly versionPath: string;
  /** The path of the text in the archive, such as `docs/guide.md`. */
  readonly path: string;
}

/** Every heading has an id with this before it, so that no README can take the id of another part. */
const ID_PREFIX = "readme-";

/** Nothing has this name (RFC 2606 §2): an address at this host began as a relative one. */
const OWN = "https://package.invalid";

/** Reports whether a path ends as those of the images do that browsers draw. */
export function isImagePath(path: string): boolean {
  return /\.(?:png|jpe?g|gif|webp|svg)$/i.test(path);
}

function absolute(address: string, { path }: MarkdownPlace): URL | null {
  return URL.parse(address, `${OWN}/${encodedFilePath(path)}`);
}

/** Returns the path of the file of the package that an address names; undefined for any other. */
function ownPath(url: URL): string | undefined {
  if (url.origin !== OWN) return undefined;
  try {
    const path = decodeURIComponent(url.pathname.slice(1));
    return path.split("/").some((segment) => segment === "." || segment === "..") ? undefined : path;
  } catch {
    return undefined;
  }
}

/** Makes the id of a heading from its words; empty words have no id. */
export function headingId(slug: string): string | undefined {
  return slug === "" ? undefined : ID_PREFIX + slug;
}

/** Bun keeps only these characters of a heading, and one dash of many. So links lose the others. */
function fragmentOf(hash: string): string {
  const words = hash
    .slice(1)
    .replaceAll(/%[0-9a-f]{2}/gi, "")
    .toLowerCase();
  const slug = words.replaceAll(/[^a-z0-9_-]/g, "").replaceAll(/-+/g, "-");
  return slug === "" ? "" : `#${ID_PREFIX}${slug}`;
}

/**
 * Returns the address of a link, or undefined for one that no reader should follow. Relative links
 * lead to the files of the same version, others only to the web and to mail.
 */
export function linkAddress(address: string, place: MarkdownPlace): string | undefined {
  if (address.startsWith("#")) return fragmentOf(address) || undefined;
  const url = absolute(address, place);
  if (url === null) return undefined;
  const path = ownPath(url);
  if (path !== undefined)
    return `${place.root}${place.versionPath}/files/${encodedFilePath(path)}${fragmentOf(url.hash)}`;
  return url.origin !== OWN && /^(?:https?|mailto):$/.test(url.protocol) ? url.href : undefined;
}

/**
 * Returns the address of an image among the files of the same version. Undefined for all others: a
 * page must tell no other server who reads it.
 */
export function imageAddress(address: string, place: MarkdownPlace): string | undefined {
  const url = absolute(address, place);
  const path = url === null ? undefined : ownPath(url);
  return path !== undefined && isImagePath(path)
    ? `${place.root}${place.versionPath}/images/${encodedFilePath(path)}`
    : undefined;
}
