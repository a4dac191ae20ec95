import type { Client } from "../../test/support/client.ts";
import { archiveOf, publishArchive } from "./archives.ts";

/** The package whose metadata benches read. */
export const DOCUMENT = { name: "bench-document", versions: 20 } as const;
const VERSION_BYTES = 1_000;

/** Publishes `DOCUMENT`. */
export async function publishDocument(client: Client): Promise<void> {
  for (let count = 0; count < DOCUMENT.versions; count += 1) {
    const version = `1.${count}.0`;
    await publishArchive(client, DOCUMENT.name, archiveOf(DOCUMENT.name, VERSION_BYTES, version), version);
  }
}

export function documentPath(name: string = DOCUMENT.name): string {
  return `/api/packages/${name}`;
}

/** Reads the current metadata of a package. */
export async function readDocument(url: string, name?: string): Promise<{ body: Uint8Array; etag: string }> {
  const response = await fetch(url + documentPath(name));
  const body = new Uint8Array(await response.arrayBuffer());
  if (!response.ok) throw new Error(`${documentPath(name)} of ${url} answered ${response.status}`);
  return { body, etag: response.headers.get("etag") ?? "" };
}
