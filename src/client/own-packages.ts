import type { ApiClient } from "./api-client.ts";
import { each, getDocument, members, optional } from "./document-shape.ts";

/** Some packages that an account owns. */
export interface OwnPackages {
  readonly items: readonly { readonly name: string }[];
  readonly nextCursor?: string | null;
}

const OWN_PACKAGES = members({ items: each(members({ name: "string" })), nextCursor: optional("string") });

/** The most packages that the registry lists in one answer. */
const PAGE_SIZE = 100;

/**
 * Lists packages that the client's account owns, by name: those in no search too, and with an API
 * token only those that it is for. `cursor` is the `nextCursor` of the page before.
 */
export function ownPackages(client: ApiClient, pageSize = PAGE_SIZE, cursor?: string): Promise<OwnPackages> {
  const query = new URLSearchParams({ pageSize: String(pageSize), ...(cursor === undefined ? {} : { cursor }) });
  return getDocument(client, `/api/auth/packages?${query}`, OWN_PACKAGES);
}

/** Returns the names of all packages that `ownPackages` lists. */
export async function ownPackageNames(client: ApiClient): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await ownPackages(client, PAGE_SIZE, cursor);
    names.push(...items.map(({ name }) => name));
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  return names;
}
