import type { S3Config } from "../config/storage.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { traceHeaders } from "../runtime/trace-context.ts";
import type { S3Credentials } from "./load-credentials.ts";
import { CredentialKeeper } from "./s3-credentials.ts";
import { faultOf, faultOfResponse, S3Fault, toFailure } from "./s3-fault.ts";

const BACKOFF_BASE_MS = 100;
const BACKOFF_MAX_MS = 2_000;
/** The deadline of a call, as a multiple of the timeout of one attempt. */
const DEADLINE_ATTEMPTS = 2;
/** The slowest transfer rate that deadlines allow for: 8 MiB/s. */
const SLOWEST_BYTES_PER_MS = (8 * 1_048_576) / 1_000;
/**
 * How long a presigned URL that this process uses itself stays valid. It must exceed the difference
 * of the clocks.
 */
const REQUEST_URL_TTL_S = 900;
const DOWNLOAD_URL_TTL_S = 300;

/** Codes of S3 for credentials that ended, or that it does not know any more. */
const REFUSED_CREDENTIALS = /^(?:ExpiredToken|InvalidToken|InvalidAccessKeyId|TokenRefreshRequired)$/;

type Method = "GET" | "HEAD" | "PUT" | "DELETE";

/**
 * A request to the bucket. `bytes` is the number of bytes that it sends or receives. They extend
 * its deadline.
 */
interface S3Request {
  readonly method: Method;
  readonly key: string;
  readonly bytes: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Blob | Uint8Array<ArrayBuffer>;
}

/**
 * How often and how long a request is retried. `extraMs` extends the timeout by the time that its
 * size needs.
 */
interface RetryPolicy {
  readonly method: string;
  readonly extraMs: number;
  readonly attemptsMax?: number;
}

/** An object in a list. */
export interface S3Object {
  readonly key: string;
  readonly size: number;
  readonly storedAt: Date;
}

/** Called for each failed attempt, with the method of the request and its fault. */
export type FaultReport = (method: string, fault: S3Fault) => void;

/**
 * The objects of one bucket below a prefix.
 *
 * Bun's `S3Client` signs requests and `fetch` sends them. The client's own calls have no timeout,
 * cannot be cancelled, and read a file into memory before they send it (Bun 1.4.5). So requests go
 * through `fetch`, which ends them when their deadline passes. A list uses the client's own call;
 * its timeout abandons it.
 *
 * A call is retried with jitter after 5xx, 429, a timeout or a lost connection. Every request
 * except a removal is safe to repeat.
 */
export class S3Bucket {
  readonly #credentials: CredentialKeeper;
  /** The last client of each address. New credentials need a new client. */
  readonly #clients = new Map<string, { readonly credentials: S3Credentials; readonly client: Bun.S3Client }>();
  readonly #config: S3Config;
  readonly #report: FaultReport;

  constructor(config: S3Config, report: FaultReport, clock: () => Date) {
    this.#config = config;
    this.#report = report;
    this.#credentials = new CredentialKeeper(config.credentials, clock);
  }

  #clientOf(credentials: S3Credentials, endpoint = this.#config.endpoint): Bun.S3Client {
    const last = this.#clients.get(endpoint);
    if (last?.credentials === credentials) return last.client;
    const { bucket, region, pathStyle } = this.#config;
    const { accessKey, secretKey, sessionToken } = credentials;
    const client = new Bun.S3Client({
      ...{ endpoint, bucket, region, virtualHostedStyle: !pathStyle },
      ...{ accessKeyId: accessKey, secretAccessKey: secretKey },
      ...(sessionToken === undefined ? {} : { sessionToken }),
    });
    this.#clients.set(endpoint, { credentials, client });
    return client;
  }

  /**
   * Returns an address that serves an object under the given file name and type for five minutes, or
   * until the credentials end. Undefined while no valid credentials are at hand.
   */
  link(key: string, fileName: string, mediaType: string): string | undefined {
    const credentials = this.#credentials.peek();
    if (credentials === undefined) return undefined;
    return this.#clientOf(credentials, this.#config.publicEndpoint).presign(this.#config.keyPrefix + key, {
      expiresIn: DOWNLOAD_URL_TTL_S,
      type: mediaType,
      contentDisposition: `attachment; filename="${fileName}"`,
    });
  }

  /**
   * Sends a request and returns what `use` makes of the successful response. It retries an
   * `S3Fault`, also one that `use` throws. Returns undefined for an object that does not exist.
   * Throws `storage_failed`, `storage_busy`, `storage_timeout` or `storage_full`.
   */
  send<T>(request: S3Request, use: (response: Response) => Promise<T>): Promise<T | undefined> {
    const extraMs = request.bytes / SLOWEST_BYTES_PER_MS;
    // A removal without a response may still be carried out later, after another process put the
    // object again. So it is sent once, and after a failure the caller must assume that the object
    // may or may not exist.
    const attemptsMax = request.method === "DELETE" ? 1 : Number.POSITIVE_INFINITY;
    return this.#retry({ method: request.method, extraMs, attemptsMax }, async (attemptMs) => {
      const credentials = await this.#credentials.get();
      const response = await fetch(this.#presignedUrl(request, credentials), {
        method: request.method,
        redirect: "manual",
        signal: AbortSignal.timeout(attemptMs),
        // If a reused connection breaks, fetch repeats the request by itself.
        keepalive: request.method !== "DELETE",
        // By default fetch asks for compressed bytes, and it unpacks whatever a proxy labels as
        // compressed.
        headers: { "accept-encoding": "identity", ...traceHeaders(), ...request.headers },
        ...(request.body === undefined ? {} : { body: request.body }),
      });
      if (response.ok) return consume(response, use);
      const fault = await faultOfResponse(response);
      if (response.status === 404 && fault.code !== "NoSuchBucket") return undefined;
      throw this.#afterRefusal(fault, credentials);
    });
  }

  /**
   * Lists the objects whose keys begin with `prefix`, in order of their keys. Keys are relative to
   * the configured prefix.
   */
  async *list(prefix: string): AsyncGenerator<S3Object> {
    const { keyPrefix } = this.#config;
    let startAfter: string | undefined;
    for (;;) {
      const options = { prefix: keyPrefix + prefix, ...(startAfter === undefined ? {} : { startAfter }) };
      const page = await this.#retry({ method: "LIST", extraMs: 0 }, (attemptMs) =>
        withTimeout(attemptMs, this.#list(options)),
      );
      for (const { key, size = 0, lastModified } of page.contents ?? []) {
        startAfter = key;
        yield { key: key.slice(keyPrefix.length), size, storedAt: new Date(lastModified ?? 0) };
      }
      if (page.isTruncated !== true || (page.contents ?? []).length === 0) return;
    }
  }

  async #list(options: Bun.S3ListObjectsOptions) {
    return this.#clientOf(await this.#credentials.get()).list(options);
  }

  /** A request that was refused for its credentials is sent once more if there can be others. */
  #afterRefusal(fault: S3Fault, credentials: S3Credentials): S3Fault {
    const isForCredentials = REFUSED_CREDENTIALS.test(fault.code);
    if (!isForCredentials || !this.#credentials.discard(credentials)) return fault;
    return new S3Fault(fault.code, fault.answer, 2);
  }

  #presignedUrl({ method, key }: S3Request, credentials: S3Credentials): string {
    return this.#clientOf(credentials).presign(this.#config.keyPrefix + key, { method, expiresIn: REQUEST_URL_TTL_S });
  }

  async #retry<T>(
    { method, extraMs, attemptsMax = Number.POSITIVE_INFINITY }: RetryPolicy,
    attempt: (attemptMs: number) => Promise<T>,
  ): Promise<T> {
    const attemptMs = this.#config.timeoutMs + extraMs;
    const deadlineMs = performance.now() + attemptMs * DEADLINE_ATTEMPTS;
    let previousFault: S3Fault | undefined;
    for (let tries = 1; ; tries += 1) {
      const leftMs = deadlineMs - performance.now();
      try {
        return await attempt(Math.max(1, Math.min(attemptMs, leftMs)));
      } catch (cause) {
        const fault = faultOf(cause);
        if (fault === undefined) throw cause;
        // The last attempt may have had less than its full time. Then its timeout proves nothing:
        // report the previous fault.
        if (previousFault !== undefined && leftMs < attemptMs && fault.answer === "storage_timeout")
          throw toFailure(previousFault);
        previousFault = fault;
        this.#report(method, fault);
        const pauseMs = Math.random() * Math.min(BACKOFF_BASE_MS * 2 ** tries, BACKOFF_MAX_MS);
        if (tries >= Math.min(fault.attemptsMax, attemptsMax) || performance.now() + pauseMs >= deadlineMs)
          throw toFailure(fault);
        await Bun.sleep(pauseMs);
      }
    }
  }
}

/**
 * Returns what `use` makes of a response. If `use` throws, it cancels the body so that the
 * connection is freed.
 */
async function consume<T>(response: Response, use: (response: Response) => Promise<T>): Promise<T> {
  try {
    return await use(response);
  } catch (cause) {
    // Cancelling fails if the body has a reader. That reader has cancelled it already.
    await response.body?.cancel().catch(() => undefined);
    throw cause;
  }
}
