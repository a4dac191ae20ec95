import { isIP } from "node:net";
import { traceHeaders } from "./trace-context.ts";

/** A request to a server that is not trusted. */
export interface OutsideRequest {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Sent to the origin of the first address only: a redirect must not carry a token elsewhere. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string | ReadableStream<Uint8Array>;
  /** Certificates to trust, in PEM, in place of the system's. */
  readonly certificates?: string | undefined;
  /**
   * The IP address to connect to, in place of resolving the name. Host, server name and certificate
   * are still those of the name. Redirects are not followed then.
   */
  readonly connectTo?: string;
  /** Ends the request early. It then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** The deadline of everything: connecting, redirects and the whole body. */
  readonly maxMs: number;
  /** The largest body. It is never buffered beyond this. */
  readonly maxBytes: number;
  /** How many redirects are followed. If undefined, a redirect is a response like any other. */
  readonly redirectsMax?: number;
  /** The longest time without a byte of the body. By default only `maxMs` counts. */
  readonly idleMaxMs?: number;
  /** Whether the body of a response with this status is read. By default every body is. */
  readonly readsBody?: (status: number) => boolean;
  /**
   * Called before a body is read. Returns who takes its pieces, so that a large body is never in
   * memory, or undefined to have the body returned.
   */
  readonly receiver?: (head: OutsideHead) => BodyReceiver | undefined;
}

/** Takes one piece of a body. The bytes are only valid during the call. */
export type BodyReceiver = (piece: Uint8Array) => void;

/** What a response begins with. */
export interface OutsideHead {
  readonly status: number;
  readonly headers: Headers;
}

/**
 * The answer to an outside request. The body is empty if it was not read, or a receiver took it.
 */
export interface OutsideResponse extends OutsideHead {
  readonly body: Uint8Array;
}

/** An outside server did not give a usable answer. */
export class OutsideFault extends Error {
  override readonly name = "OutsideFault";

  constructor(
    message: string,
    readonly status?: number,
    readonly tooLarge = false,
  ) {
    super(message);
  }
}

const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Sends a request to a server that is not trusted. `fetch` alone would follow redirects to `file:`,
 * `data:` and `s3:`, unpack a small body into a large one, and wait for ever.
 *
 * Only http and https are asked. A redirect leads to http or https, and from https to https only.
 * Throws `OutsideFault`, or what `fetch` throws when the server cannot be reached.
 */
export async function requestOutside(address: string, request: OutsideRequest): Promise<OutsideResponse> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  late.catch(() => undefined);
  const abort = new AbortController();
  const { maxMs, idleMaxMs = maxMs } = request;
  const end = (reason: unknown) => {
    reject(reason);
    abort.abort(reason);
  };
  const after = (ms: number) =>
    setTimeout(() => end(new OutsideFault(`there was no whole answer within ${ms} ms`)), ms);
  const onAbort = () => end(request.signal?.reason);
  request.signal?.addEventListener("abort", onAbort);
  if (request.signal?.aborted === true) onAbort();
  const timer = after(maxMs);
  const idleTimer = after(idleMaxMs);
  const work = follow(webAddress(address), request, abort.signal, () => idleTimer.refresh());
  // Also ends the connection of a body that was not read to its end.
  work.catch(() => abort.abort());
  try {
    // The race keeps the deadline even if a stream ignores its signal.
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    clearTimeout(idleTimer);
    request.signal?.removeEventListener("abort", onAbort);
  }
}

async function follow(
  first: URL,
  request: OutsideRequest,
  signal: AbortSignal,
  onPiece: () => void,
): Promise<OutsideResponse> {
  const { method = "GET", headers, body, connectTo } = request;
  const redirectsMax = connectTo === undefined ? (request.redirectsMax ?? 0) : 0;
  let address = first;
  for (let redirects = 0; ; redirects += 1) {
    const to = connectionTo(address, request);
    const response = await fetch(to.url, {
      method,
      redirect: "manual",
      decompress: false,
      signal,
      headers: {
        "accept-encoding": "identity",
        ...(address.origin === first.origin ? { ...traceHeaders(), ...headers } : {}),
        ...to.headers,
      },
      ...(body === undefined ? {} : { body }),
      ...to.options,
    });
    const location = response.headers.get("location");
    if (redirectsMax === 0 || !REDIRECTS.includes(response.status) || location === null) {
      return { status: response.status, headers: response.headers, body: await readBody(response, request, onPiece) };
    }
    await discard(response);
    if (redirects >= redirectsMax) throw new OutsideFault(`it redirects more than ${redirectsMax} times`);
    address = redirectTarget(location, address);
  }
}

/**
 * Returns what leads a request to one IP address while it still is one to the name in `address`.
 * Such a connection is not kept, because Bun would use it again for other names at that address.
 */
function connectionTo(address: URL, { connectTo, certificates }: OutsideRequest) {
  const trusted = certificates === undefined ? {} : { ca: certificates };
  const isNamed = connectTo !== undefined && isIP(address.hostname.replace(/^\[|\]$/g, "")) === 0;
  if (!isNamed) return { url: address, headers: {}, options: certificates === undefined ? {} : { tls: trusted } };
  const url = new URL(address);
  url.hostname = isIP(connectTo) === 6 ? `[${connectTo}]` : connectTo;
  const tls = { ...trusted, serverName: address.hostname };
  return { url, headers: { host: address.host }, options: { keepalive: false, tls } };
}

function webAddress(text: string): URL {
  const address = URL.parse(text);
  if (address === null || !/^https?:$/.test(address.protocol)) throw new OutsideFault("it is not an http(s) address");
  return address;
}

function redirectTarget(location: string, from: URL): URL {
  const target = URL.parse(location, from.href);
  if (target === null) throw new OutsideFault("it redirects to something that is not an address");
  if (!/^https?:$/.test(target.protocol)) throw new OutsideFault(`it redirects to a ${target.protocol} address`);
  if (from.protocol === "https:" && target.protocol !== "https:") {
    throw new OutsideFault("it redirects from https to http");
  }
  if (target.username !== "" || target.password !== "") {
    throw new OutsideFault("it redirects to an address with a password");
  }
  return target;
}

/**
 * Reads a body up to the request's limit. Cancels a body that is larger, or that is not to be read.
 */
async function readBody(response: Response, request: OutsideRequest, onPiece: () => void): Promise<Uint8Array> {
  const { maxBytes, readsBody = () => true, receiver } = request;
  const { status, headers } = response;
  if (!readsBody(status)) {
    await discard(response);
    return new Uint8Array();
  }
  const encoding = headers.get("content-encoding") ?? "identity";
  const declared = Number(headers.get("content-length") ?? 0);
  const tooLarge = new OutsideFault(`it sent more than ${maxBytes} bytes`, status, true);
  if (encoding !== "identity" || declared > maxBytes) {
    await discard(response);
    throw declared > maxBytes
      ? tooLarge
      : new OutsideFault("it sent a compressed response without being asked", status);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  const receive = receiver?.({ status, headers }) ?? ((chunk: Uint8Array) => void chunks.push(chunk));
  // Leaving the loop cancels the stream.
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge;
    onPiece();
    receive(chunk);
  }
  return Buffer.concat(chunks);
}

async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}
