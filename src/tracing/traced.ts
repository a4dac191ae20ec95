import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import type { Tracer } from "./tracer.ts";

/** Returns a database whose reads and writes are spans of the request that makes them. */
export function tracedDatabase(db: Database, tracer: Tracer): Database {
  const attributes = { "db.system.name": db.kind === "postgres" ? "postgresql" : "sqlite" };
  return {
    ...db,
    read: (work) => tracer.span("database read", attributes, () => db.read(work)),
    write: (work) => tracer.span("database write", attributes, () => db.write(work)),
  };
}

/** Returns a store whose calls on blobs are spans of the request that makes them. */
export function tracedBlobs(blobs: BlobStore, tracer: Tracer): BlobStore {
  const of = (digest: string) => ({ "cpm.digest": digest });
  return {
    incomingDir: blobs.incomingDir,
    put: (received) => tracer.span("storage put", of(received.digest), () => blobs.put(received)),
    read: (blob, range, sent) => tracer.span("storage read", of(blob.digest), () => blobs.read(blob, range, sent)),
    withFile: (digest, use) => tracer.span("storage read", of(digest), () => blobs.withFile(digest, use)),
    stat: (digest) => tracer.span("storage stat", of(digest), () => blobs.stat(digest)),
    remove: (digest) => blobs.remove(digest),
    setAside: (digest) => blobs.setAside(digest),
    removeSetAside: (digest) => blobs.removeSetAside(digest),
    settleRemovals: (digests) => blobs.settleRemovals(digests),
    list: (prefix) => blobs.list(prefix),
    link: (digest, options) => blobs.link(digest, options),
    putSidecar: (name, content) =>
      tracer.span("storage put", { "cpm.file": name }, () => blobs.putSidecar(name, content)),
    readSidecar: (name) => tracer.span("storage read", { "cpm.file": name }, () => blobs.readSidecar(name)),
    putRecent: (name, content) =>
      tracer.span("storage put", { "cpm.file": name }, () => blobs.putRecent(name, content)),
    readSidecarBytes: (name) => tracer.span("storage read", { "cpm.file": name }, () => blobs.readSidecarBytes(name)),
    sidecarsIn: (directory) => blobs.sidecarsIn(directory),
    removeSidecar: (name) => blobs.removeSidecar(name),
    removeSidecars: (directory) => blobs.removeSidecars(directory),
    check: () => blobs.check(),
    close: () => blobs.close(),
  };
}
