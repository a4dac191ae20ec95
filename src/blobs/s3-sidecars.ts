import type { S3Bucket } from "./s3-bucket.ts";
import type { SidecarDirectory, SidecarName, Sidecars } from "./store.ts";

/** The largest expected sidecar, an entry bundle of long leaves. It only extends the deadline. */
const SIDECAR_MAX_BYTES = 256 * 1024;
const TILE_TYPE = "application/octet-stream";

/** Stores an object, and throws unless the bucket took it. */
type PutObject = (key: string, body: Uint8Array<ArrayBuffer>, bytes: number, mediaType: string) => Promise<void>;

/** The sidecars of a store in a bucket. */
export class S3Sidecars implements Sidecars {
  constructor(
    readonly bucket: S3Bucket,
    readonly putObject: PutObject,
  ) {}

  putSidecar(name: SidecarName, content: string | Uint8Array<ArrayBuffer>): Promise<void> {
    const isText = typeof content === "string";
    const bytes = isText ? new TextEncoder().encode(content) : content;
    return this.putObject(name, bytes, bytes.length, isText ? "text/plain; charset=utf-8" : TILE_TYPE);
  }

  putRecent(name: SidecarName, content: string): Promise<void> {
    return this.putSidecar(name, content);
  }

  readSidecar(name: SidecarName): Promise<string | undefined> {
    return this.bucket.send({ method: "GET", key: name, bytes: SIDECAR_MAX_BYTES }, (response) => response.text());
  }

  readSidecarBytes(name: SidecarName): Promise<Uint8Array | undefined> {
    return this.bucket.send({ method: "GET", key: name, bytes: SIDECAR_MAX_BYTES }, (response) => response.bytes());
  }

  async sidecarsIn(directory: SidecarDirectory): Promise<string[]> {
    const names: string[] = [];
    for await (const { key } of this.bucket.list(`${directory}/`)) names.push(key.slice(directory.length + 1));
    return names.filter((name) => !name.includes("/"));
  }

  async removeSidecar(name: SidecarName): Promise<void> {
    await this.bucket.send({ method: "DELETE", key: name, bytes: 0 }, async () => undefined);
  }

  async removeSidecars(directory: SidecarDirectory): Promise<void> {
    for await (const { key } of this.bucket.list(`${directory}/`)) {
      await this.bucket.send({ method: "DELETE", key, bytes: 0 }, async () => undefined);
    }
  }
}
