import { OutsideFault, type OutsideRequest, type OutsideResponse, requestOutside } from "../runtime/outside-request.ts";

const RESPONSE_TIMEOUT_MS = 20_000;
/** The slowest transfer rate that the timeout of a large response allows for: 128 KiB/s. */
const SLOW_BYTES_PER_MS = 131;
const RESPONSE_MAX_BYTES = 32 * 1024 * 1024;
const REDIRECTS_MAX = 3;
/**
 * Statuses that say nothing about the requested resource: the credentials or the moment were wrong.
 */
const INCONCLUSIVE = [401, 429, 502, 503, 504];

/** The registry cannot be reached, or its response is not the expected one. */
export class RegistryFault extends Error {
  override readonly name = "RegistryFault";

  constructor(
    message: string,
    readonly status?: number,
    readonly tooLarge = false,
  ) {
    super(message);
  }

  /** Whether the registry answered that it does not have the requested resource. */
  get isMissing(): boolean {
    return this.status === 404 || this.status === 422;
  }

  /** Whether the registry answered conclusively, so that asking again would not help. */
  get isAnswer(): boolean {
    return this.status !== undefined && !INCONCLUSIVE.includes(this.status);
  }
}

/** Sends a request: `requestOutside`, or it with retries and other certificates. */
export type Sender = (address: string, request: OutsideRequest) => Promise<OutsideResponse>;

/** Sends requests to a registry. Each has a timeout and a largest response. */
export class RegistryClient {
  /** The base URL without a slash at the end. */
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #send: Sender;
  readonly #sendOnce: Sender;
  readonly #prefetched = new Map<string, Promise<Uint8Array | undefined>>();

  /** `sendOnce` sends without retries what is prefetched. */
  constructor(url: string, token: string | undefined, send: Sender = requestOutside, sendOnce = send) {
    this.#send = send;
    this.#sendOnce = sendOnce;
    this.url = url.replace(/\/+$/, "");
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /**
   * Sends a GET now, and keeps its response for the next call that asks for this path. If it fails,
   * that call sends it again, so that retries and errors are the same as without it.
   */
  prefetch(path: string): void {
    const response = this.#get(this.#sendOnce, path).catch(() => undefined);
    this.#prefetched.set(path, response);
  }

  /** Returns the response to a GET as text. Throws like `bytes`. */
  async text(path: string): Promise<string> {
    return Buffer.from(await this.bytes(path)).toString("utf8");
  }

  /**
   * Returns the response to a GET. Follows a few redirects, without the token to other origins.
   * Throws `RegistryFault` for every status but 200.
   */
  async bytes(path: string, maxBytes?: number): Promise<Uint8Array> {
    const prefetched = this.#prefetched.get(path);
    this.#prefetched.delete(path);
    return (await prefetched) ?? this.#get(this.#send, path, maxBytes);
  }

  async #get(send: Sender, path: string, maxBytes?: number): Promise<Uint8Array> {
    const address = `${this.url}${path}`;
    const hasToken = "authorization" in this.#headers;
    try {
      const { status, body } = await send(address, {
        headers: this.#headers,
        maxMs: RESPONSE_TIMEOUT_MS + Math.ceil((maxBytes ?? 0) / SLOW_BYTES_PER_MS),
        maxBytes: maxBytes ?? RESPONSE_MAX_BYTES,
        redirectsMax: REDIRECTS_MAX,
        readsBody: (answered) => answered === 200,
      });
      if (status !== 200) throw new RegistryFault(refusalText(address, status, hasToken), status);
      return body;
    } catch (cause) {
      if (cause instanceof RegistryFault) throw cause;
      if (cause instanceof OutsideFault) {
        throw new RegistryFault(`${address} cannot be used: ${cause.message}`, cause.status, cause.tooLarge);
      }
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new RegistryFault(`${address} cannot be reached: ${reason}`);
    }
  }
}

function refusalText(address: string, status: number, hasToken: boolean): string {
  const needed = hasToken
    ? "a token in CPM_API_TOKEN that may read all packages (read, *)"
    : "CPM_API_TOKEN in the environment";
  const hint = status === 401 || status === 403 ? `; a private registry needs ${needed}` : "";
  return `${address} answered ${status}${hint}`;
}
