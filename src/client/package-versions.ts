import type { ApiClient } from "./api-client.ts";
import { getDocument } from "./document-shape.ts";
import { packagePath } from "./package-spec.ts";
import { PACKAGE, type PackageDocument, type VersionDocument } from "./registry-documents.ts";

/** More versions than a package may have. It bounds what a hostile registry can send. */
const VERSION_PAGES_MAX = 200;

/** Returns all versions of a package, the newest first. */
export async function packageVersions(client: ApiClient, name: string): Promise<VersionDocument[]> {
  const versions: VersionDocument[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < VERSION_PAGES_MAX; page += 1) {
    const asked: string = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const found: PackageDocument = await getDocument<PackageDocument>(client, `${packagePath(name)}${asked}`, PACKAGE);
    versions.push(...found.versions);
    cursor = found.nextCursor;
    if (cursor === null) break;
  }
  return versions;
}
