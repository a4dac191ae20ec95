import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../test/support/client.ts";
import { freePort } from "../../test/support/ports.ts";
import { programPath, verdaccioCommand } from "./install-peers.ts";
import { type Prepared, send } from "./publishing.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const START_TIMEOUT_MS = 30_000;

/** A registry to compare with. */
export interface Peer extends ServerProcess {
  readonly url: string;
}

async function startPeer(
  name: string,
  directory: string,
  write: (home: string, port: number) => readonly string[],
): Promise<Peer> {
  const port = await freePort();
  const home = join(directory, name);
  mkdirSync(home);
  const command = write(home, port);
  const url = `http://127.0.0.1:${port}`;
  const env = { PATH: process.env.PATH ?? "", HOME: home, NODE_ENV: "production" };
  return { url, ...(await startServer({ command, url: `${url}/`, cwd: home, env, timeoutMs: START_TIMEOUT_MS })) };
}

/**
 * Starts Verdaccio without uplinks, pages and logs, where anybody may publish. Undefined where it
 * is not installed.
 */
export async function startVerdaccio(directory: string): Promise<Peer | undefined> {
  const command = verdaccioCommand();
  if (command === undefined) return undefined;
  return startPeer("verdaccio", directory, (home, port) => {
    const config = join(home, "config.yaml");
    const settings = {
      storage: join(home, "storage"),
      auth: { htpasswd: { file: join(home, "htpasswd") } },
      packages: { "**": { access: "$all", publish: "$all" } },
      web: { enable: false },
      log: { type: "stdout", format: "json", level: "fatal" },
    };
    // The file is YAML, and JSON is a subset of it.
    writeFileSync(config, JSON.stringify(settings));
    return [...command, "--config", config, "--listen", `127.0.0.1:${port}`];
  });
}

/** Starts CNCF Distribution on files, without logs. Undefined where it is not installed. */
export async function startDistribution(directory: string): Promise<Peer | undefined> {
  const binary = programPath("docker-registry");
  if (binary === undefined) return undefined;
  return startPeer("distribution", directory, (home, port) => {
    const config = join(home, "config.yml");
    const settings = {
      version: 0.1,
      log: { level: "error", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(home, "storage") }, cache: { blobdescriptor: "inmemory" } },
      http: { addr: `127.0.0.1:${port}`, secret: "of this bench" },
    };
    writeFileSync(config, JSON.stringify(settings));
    return [binary, "serve", config];
  });
}

/** Prepares the request that `npm publish` sends. */
export function prepareNpmPublish(url: string, name: string, version: string, tarball: Uint8Array): Prepared {
  const file = `${name}-${version}.tgz`;
  const digest = (algorithm: string) => createHash(algorithm).update(tarball).digest();
  const dist = {
    tarball: `${url}/${name}/-/${file}`,
    shasum: digest("sha1").toString("hex"),
    integrity: `sha512-${digest("sha512").toString("base64")}`,
  };
  const manifest = { name, version, description: "A package made for a bench", dist, _id: `${name}@${version}` };
  const attachment = {
    content_type: "application/octet-stream",
    data: Buffer.from(tarball).toString("base64"),
    length: tarball.length,
  };
  const document = {
    ...{ _id: name, name, "dist-tags": { latest: version }, versions: { [version]: manifest } },
    _attachments: { [file]: attachment },
  };
  const headers = { "content-type": "application/json" };
  return { url: `${url}/${name}`, method: "PUT", headers, body: JSON.stringify(document) };
}

const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

/** Uploads a blob in two requests, as clients do. Returns its digest. */
export async function pushBlob(url: string, repository: string, blob: Uint8Array): Promise<string> {
  const digest = `sha256:${sha256(blob)}`;
  const begun = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: "POST" });
  const location = begun.headers.get("location");
  if (begun.status !== 202 || location === null) throw new Error(`An upload to ${url} began with ${begun.status}`);
  await send({
    url: `${location}&digest=${encodeURIComponent(digest)}`,
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(blob),
  });
  return digest;
}

/**
 * Tags an existing blob with a manifest of one layer. `config` is a blob of the same repository.
 */
export async function pushManifest(
  url: string,
  repository: string,
  tag: string,
  layer: { readonly digest: string; readonly size: number },
  config: { readonly digest: string; readonly size: number },
): Promise<void> {
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...layer }],
  };
  await send({
    url: `${url}/v2/${repository}/manifests/${tag}`,
    method: "PUT",
    headers: { "content-type": MANIFEST_TYPE },
    body: JSON.stringify(manifest),
  });
}
