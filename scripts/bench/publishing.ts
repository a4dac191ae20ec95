import { type Client, publishForm } from "../../test/support/client.ts";
import { archiveOf, signed } from "./archives.ts";

export const ARCHIVE_BYTES = 10_000;

/** A request with its whole body, prepared so that sending it costs the bench little. */
export interface Prepared {
  readonly url: string;
  readonly method: "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | string;
}

/** Prepares the signed publish of a package of 10 KB. */
export async function preparePublish({ base, token = "" }: Client, name: string, version: string): Promise<Prepared> {
  const archive = archiveOf(name, ARCHIVE_BYTES, version);
  const { signature, publicKey } = signed(name, archive, version);
  const form = new Response(publishForm({ archive, signature, publicKey }));
  return {
    url: `${base}/api/packages`,
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": form.headers.get("content-type") ?? "" },
    body: new Uint8Array(await form.arrayBuffer()),
  };
}

/** Sends a prepared request and reads the answer. Throws unless it is 201. */
export async function send({ url, ...request }: Prepared): Promise<Response> {
  const response = await fetch(url, request);
  const text = await response.text();
  if (response.status !== 201) throw new Error(`${request.method} ${url} answered ${response.status}: ${text}`);
  return response;
}

/**
 * Runs prepared tasks, `width` at once, until the time is over or nothing is left. Returns the
 * tasks per second.
 */
export async function rateOf(width: number, forMs: number, prepared: (() => Promise<unknown>)[]): Promise<number> {
  const startedMs = performance.now();
  let done = 0;
  const loop = async () => {
    for (let next = prepared.pop(); next !== undefined; next = prepared.pop()) {
      await next();
      done += 1;
      if (performance.now() - startedMs >= forMs) return;
    }
  };
  await Promise.all(Array.from({ length: width }, loop));
  return (done * 1_000) / (performance.now() - startedMs);
}
