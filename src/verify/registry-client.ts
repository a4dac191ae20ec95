const ANSWER_WITHIN_MS = 20_000;
/** Large answers may take longer: 128 KiB a second are slow. */
const SLOW_BYTES_PER_MS = 131;
const ANSWER_MAX_BYTES = 32 * 1024 * 1024;
const REDIRECTS = [301, 302, 303, 307, 308];
/** Says nothing of what was asked for: who asks, or when, was wrong. */
const NOT_NOW = [401, 429, 502, 503, 504];

/** The registry cannot be asked, or does not answer as one: nothing is known of what it would have said. */
export class RegistryFault extends Error {
  override readonly name = "RegistryFault";

  constructor(
    message: string,
    readonly status?: number,
    readonly tooLarge = false,
  ) {
    super(message);
  }

  /** The registry answered, and has not what it was asked for. */
  get isMissing(): boolean {
    return this.status === 404 || this.status === 422;
  }

  /** The registry answered, and asking again would not help. */
  get isAnswer(): boolean {
    return this.status !== undefined && !NOT_NOW.includes(this.status);
  }
}

/** Asks a registry, each question bounded in time and in the size of its answer. */
export class RegistryClient {
  /** Without a slash at the end. */
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, token: string | undefined) {
    this.url = url.replace(/\/+$/, "");
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  async text(path: string): Promise<string> {
    return Buffer.from(await this.bytes(path)).toString("utf8");
  }

  /** Throws `RegistryFault` for every answer but 200. A redirect is followed once, without the token. */
  async bytes(path: string, maxBytes?: number): Promise<Uint8Array> {
    const address = `${this.url}${path}`;
    const hasToken = "authorization" in this.#headers;
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN_MS + Math.ceil((maxBytes ?? 0) / SLOW_BYTES_PER_MS));
      let response = await fetch(address, { headers: this.#headers, redirect: "manual", signal });
      const location = response.headers.get("location");
      if (REDIRECTS.includes(response.status) && location !== null) {
        response = await fetch(new URL(location, address), { redirect: "error", signal });
      }
      if (response.status !== 200)
        throw new RegistryFault(refusalText(address, response.status, hasToken), response.status);
      return await bodyOf(response, maxBytes ?? ANSWER_MAX_BYTES, address);
    } catch (cause) {
      if (cause instanceof RegistryFault) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new RegistryFault(`${address} cannot be reached: ${reason}`);
    }
  }
}

function refusalText(address: string, status: number, hasToken: boolean): string {
  const wanted = hasToken
    ? "a token in CPM_API_TOKEN that may read all packages (read, *)"
    : "CPM_API_TOKEN in the environment";
  const hint = status === 401 || status === 403 ? `; a private registry wants ${wanted}` : "";
  return `${address} answered ${status}${hint}`;
}

async function bodyOf(response: Response, maxBytes: number, address: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw new RegistryFault(`${address} answered more than ${maxBytes} bytes`, 200, true);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
