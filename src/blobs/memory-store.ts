import { readFile } from "node:fs/promises";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { failure } from "../errors.ts";
import { discardFile } from "./incoming.ts";
import { receiveFile } from "./receive.ts";
import type { BlobStat, BlobStore, ListedBlob, Sidecars } from "./store.ts";
import { hashChunks, verifiedPart } from "./verify.ts";

/** The blobs of a memory store. Tests damage them on purpose. */
export type StoredBytes = Map<string, { bytes: Uint8Array<ArrayBuffer>; storedAt: Date }>;

/** Opens a blob store in memory, for tests. It receives uploads in `incomingDir`. */
export function openMemoryStore(
  incomingDir: string,
  clock: () => Date,
  blobs: StoredBytes = new Map(),
  aside: StoredBytes = new Map(),
): BlobStore {
  const statOf = (name: string): BlobStat | undefined => {
    const blob = blobs.get(name);
    return blob && { size: blob.bytes.length, storedAt: blob.storedAt };
  };
  async function* list(prefix = ""): AsyncGenerator<ListedBlob> {
    for (const name of [...blobs.keys()].filter((known) => known.startsWith(prefix)).sort()) {
      const found = statOf(name);
      if (found !== undefined) yield { ...found, name, digest: parseDigest(name) };
    }
  }
  return {
    incomingDir,
    ...memorySidecars(),
    async put({ path, digest, size }) {
      const bytes = new Uint8Array(await readFile(path));
      if (bytes.length !== size) throw failure({ code: "storage_failed" });
      blobs.set(digest, { bytes, storedAt: clock() });
    },
    async read(blob, range) {
      const found = blobs.get(blob.digest);
      return found && verifiedPart(found.bytes, blob, range);
    },
    async withFile(digest, use) {
      const found = blobs.get(digest);
      if (found === undefined) return undefined;
      const file = await receiveFile(new Blob([found.bytes]).stream(), incomingDir, found.bytes.length, "download");
      try {
        return await use(file);
      } finally {
        await discardFile(file.path);
      }
    },
    stat: async (digest: Sha256Digest) => statOf(digest),
    async remove(digest) {
      blobs.delete(digest);
    },
    async setAside(digest) {
      const found = blobs.get(digest);
      if (found === undefined || (await hashChunks(new Blob([found.bytes]).stream())).digest === digest) return;
      aside.set(digest, found);
      blobs.delete(digest);
    },
    async removeSetAside(digest) {
      aside.delete(digest);
    },
    settleRemovals: async () => undefined,
    list,
    link: () => undefined,
    check: async () => undefined,
    close: async () => undefined,
  };
}

function memorySidecars(): Sidecars {
  const sidecars = new Map<string, string | Uint8Array>();
  return {
    async putSidecar(name, content) {
      sidecars.set(name, content);
    },
    async putRecent(name, content) {
      sidecars.set(name, content);
    },
    async readSidecar(name) {
      const found = sidecars.get(name);
      return found === undefined ? undefined : Buffer.from(found).toString("utf8");
    },
    async readSidecarBytes(name) {
      const found = sidecars.get(name);
      return found === undefined ? undefined : Buffer.from(found);
    },
    async sidecarsIn(directory) {
      const below = [...sidecars.keys()].filter((name) => name.startsWith(`${directory}/`));
      return below.map((name) => name.slice(directory.length + 1)).filter((name) => !name.includes("/"));
    },
    async removeSidecar(name) {
      sidecars.delete(name);
    },
    async removeSidecars(directory) {
      for (const name of sidecars.keys()) if (name.startsWith(`${directory}/`)) sidecars.delete(name);
    },
  };
}
