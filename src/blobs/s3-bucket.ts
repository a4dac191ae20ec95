import type { S3Config } from "../config/storage.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { failed, faultOf, faultOfResponse, type S3Fault } from "./s3-fault.ts";

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 2_000;
/** All attempts of one call together may take this many times what one may. */
const DEADLINE_ATTEMPTS = 2;
/** What the size of an archive adds to a deadline: archives larger than a few MiB need 8 MiB/s. */
const SLOWEST_BYTES_PER_MS = (8 * 1_048_576) / 1_000;
/** An address signed for one request of our own: only has to outlive clocks that differ. */
const OWN_ADDRESS_S = 900;
const LINK_S = 300;

type Method = "GET" | "HEAD" | "PUT" | "DELETE";

/** A request to the bucket. `bytes`: how many will go either way, for the deadline. */
interface S3Request {
  readonly method: Method;
  readonly key: string;
  readonly bytes: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Blob | Uint8Array<ArrayBuffer>;
}

/** How a request is tried: `extraMs` is what its size adds to a deadline. */
interface Tries {
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

/** Told of each failed attempt: which request, and the code of its fault. */
export type FaultReport = (method: string, fault: S3Fault) => void;

/**
 * The objects of one bucket below a prefix. Bun's `S3Client` signs; `fetch` sends, because the client's own calls
 * cannot be given up (it has no timeout) and read a file into memory before they send it (measured, Bun 1.4.5). So
 * every call has a deadline, ends for real when it passes, and is tried again, with jitter, after 5xx, 429, a timeout
 * or a lost connection: every request here but a removal is safe to repeat.
 */
export class S3Bucket {
  readonly #client: Bun.S3Client;
  readonly #config: S3Config;
  readonly #report: FaultReport;

  constructor(config: S3Config, report: FaultReport) {
    this.#config = config;
    this.#report = report;
    this.#client = new Bun.S3Client({
      endpoint: config.endpoint,
      bucket: config.bucket,
      region: config.region,
      accessKeyId: config.accessKey,
      secretAccessKey: config.secretKey.reveal(),
      virtualHostedStyle: !config.pathStyle,
      ...(config.sessionToken === undefined ? {} : { sessionToken: config.sessionToken.reveal() }),
    });
  }

  /** An address that answers with an object under a name and type of ours, for five minutes. */
  link(key: string, fileName: string, mediaType: string): string {
    return this.#client.presign(this.#config.keyPrefix + key, {
      expiresIn: LINK_S,
      type: mediaType,
      contentDisposition: `attachment; filename="${fileName}"`,
    });
  }

  /**
   * Sends a request until `use` has taken its good answer; faults of S3 that `use` throws are tried again too.
   * Undefined for an object that is not there. Throws `storage_failed`, `storage_busy`, `storage_timeout` or
   * `storage_full`.
   */
  send<T>(request: S3Request, use: (response: Response) => Promise<T>): Promise<T | undefined> {
    const extraMs = request.bytes / SLOWEST_BYTES_PER_MS;
    // A removal that was not answered may still happen, after somebody put the object again: so it is sent once, and
    // who asked for it must take any failure for "perhaps".
    const attemptsMax = request.method === "DELETE" ? 1 : Number.POSITIVE_INFINITY;
    return this.#trying({ method: request.method, extraMs, attemptsMax }, async (attemptMs) => {
      const response = await fetch(this.#addressOf(request), {
        method: request.method,
        redirect: "manual",
        signal: AbortSignal.timeout(attemptMs),
        // On a connection that was used before, fetch sends a request again by itself when it is lost.
        keepalive: request.method !== "DELETE",
        // fetch would ask for compressed bytes, and unpack what a proxy calls compressed.
        headers: { "accept-encoding": "identity", ...request.headers },
        ...(request.body === undefined ? {} : { body: request.body }),
      });
      if (response.ok) return taken(response, use);
      const fault = await faultOfResponse(response);
      if (response.status === 404 && fault.code !== "NoSuchBucket") return undefined;
      throw fault;
    });
  }

  /** Objects whose keys begin with `prefix`, in the order of their keys, below the prefix of the bucket. */
  async *list(prefix: string): AsyncGenerator<S3Object> {
    const { keyPrefix } = this.#config;
    let startAfter: string | undefined;
    for (;;) {
      const asked = { prefix: keyPrefix + prefix, ...(startAfter === undefined ? {} : { startAfter }) };
      const page = await this.#trying({ method: "LIST", extraMs: 0 }, (attemptMs) =>
        withTimeout(attemptMs, this.#client.list(asked)),
      );
      for (const { key, size = 0, lastModified } of page.contents ?? []) {
        startAfter = key;
        yield { key: key.slice(keyPrefix.length), size, storedAt: new Date(lastModified ?? 0) };
      }
      if (page.isTruncated !== true || (page.contents ?? []).length === 0) return;
    }
  }

  #addressOf({ method, key }: S3Request): string {
    return this.#client.presign(this.#config.keyPrefix + key, { method, expiresIn: OWN_ADDRESS_S });
  }

  async #trying<T>(
    { method, extraMs, attemptsMax = Number.POSITIVE_INFINITY }: Tries,
    attempt: (attemptMs: number) => Promise<T>,
  ): Promise<T> {
    const attemptMs = this.#config.timeoutMs + extraMs;
    const deadlineMs = performance.now() + attemptMs * DEADLINE_ATTEMPTS;
    let answered: S3Fault | undefined;
    for (let tries = 1; ; tries += 1) {
      const leftMs = deadlineMs - performance.now();
      try {
        return await attempt(Math.max(1, Math.min(attemptMs, leftMs)));
      } catch (cause) {
        const fault = faultOf(cause);
        if (fault === undefined) throw cause;
        // Of an attempt that had less than its time, a timeout says nothing; what the storage said before does.
        if (answered !== undefined && leftMs < attemptMs && fault.answer === "storage_timeout") throw failed(answered);
        answered = fault;
        this.#report(method, fault);
        const pauseMs = Math.random() * Math.min(BACKOFF_FIRST_MS * 2 ** tries, BACKOFF_MAX_MS);
        if (tries >= Math.min(fault.attemptsMax, attemptsMax) || performance.now() + pauseMs >= deadlineMs)
          throw failed(fault);
        await Bun.sleep(pauseMs);
      }
    }
  }
}

/** What `use` makes of an answer; an answer that it refuses is not left open. */
async function taken<T>(response: Response, use: (response: Response) => Promise<T>): Promise<T> {
  try {
    return await use(response);
  } catch (cause) {
    // Where the body was begun already, its reader has given it up.
    await response.body?.cancel().catch(() => undefined);
    throw cause;
  }
}
