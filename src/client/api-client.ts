import { parseJsonText } from "../domain/json-text.ts";
import { type OutsideRequest, type OutsideResponse, requestOutside } from "../runtime/outside-request.ts";
import { VERSION } from "../runtime/version.ts";
import { RegistryClient, type Sender } from "../verify/registry-client.ts";
import { answerFault, connectionFault, type FailedAnswer } from "./answer-fault.ts";
import { type ClientFault, clientFault } from "./client-fault.ts";
import { type Subject, subjectOf } from "./problem-words.ts";
import type { RegistryAddress } from "./registry-address.ts";
import { PACE, type Pace, withRetries } from "./retries.ts";

const ANSWER_MAX_BYTES = 32 * 1024 * 1024;
const ANSWER_MAX_MS = 30_000;
/** The slowest transfer that the deadline of a large body allows for: 64 KiB/s. */
const SLOW_BYTES_PER_MS = 65;
const REDIRECTS_MAX = 3;

/** What every request of one command has in common. */
export interface ApiClientOptions {
  readonly address: RegistryAddress;
  /** An API token or a session. */
  readonly token: string | undefined;
  readonly note: (text: string) => void;
  readonly pace?: Pace;
  /** The deadline of one try, without the time for large bodies. */
  readonly answerMaxMs?: number;
}

/** One request. */
export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Begins with `/api/` or `/log/`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. `stream` is called for every try. */
  readonly upload?: {
    readonly contentType: string;
    readonly size: number;
    readonly stream: () => ReadableStream<Uint8Array>;
  };
  /** For the words of a refusal, where the path does not name the package. */
  readonly about?: Subject;
  /** By default, reads may be repeated. */
  readonly isRepeatable?: boolean;
  /** Statuses besides 2xx that are an answer and no failure. */
  readonly accepts?: readonly number[];
}

/** One try of a GET whose body is not kept in memory. */
export interface StreamedRequest {
  readonly headers: Readonly<Record<string, string>>;
  /** How much is expected. The receiver refuses more. */
  readonly bytes: number;
  readonly receiver: NonNullable<OutsideRequest["receiver"]>;
  /** Called after a success. Throws if something is missing, and then there is another try. */
  readonly complete: () => void;
}

/** An answer with its parsed body. The body is undefined if there was none. */
export interface ApiAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/**
 * Sends requests to a registry for one account. Repeats what may be repeated, and turns everything
 * that is no answer of a registry into a `ClientFault` with the next step.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  get address(): RegistryAddress {
    return this.#options.address;
  }

  get hasToken(): boolean {
    return this.#options.token !== undefined;
  }

  /** The same registry for another credential, such as a session. */
  withToken(token: string | undefined): ApiClient {
    return new ApiClient({ ...this.#options, token });
  }

  /** Returns the body of a GET. `T` is the type that the API documents for it. */
  async get<T>(path: string): Promise<T> {
    return (await this.request<T>({ path })).body;
  }

  /** Returns the body of a GET, or undefined for a 404. */
  async find<T>(path: string): Promise<T | undefined> {
    const { status, body } = await this.request<T>({ path, accepts: [404] });
    return status === 404 ? undefined : body;
  }

  /** Sends a body and returns that of the answer. It is not repeated when it may have arrived. */
  async send<T>(method: "POST" | "PUT" | "DELETE", path: string, json?: unknown): Promise<T> {
    return (await this.request<T>({ method, path, json, isRepeatable: false })).body;
  }

  /**
   * Sends a request. Throws `ClientFault` for every answer that is none of `accepts` and no 2xx.
   */
  async request<T>(request: ApiRequest): Promise<ApiAnswer<T>> {
    const { status, headers, body } = await this.#response(request);
    const text = Buffer.from(body).toString("utf8");
    const isAnswer = isSuccess(status) || request.accepts?.includes(status) === true;
    if (!isAnswer) throw this.#refused({ status, headers, text }, request);
    if (text === "") return { status, headers, body: undefined as T };
    return { status, headers, body: bodyOf<T>(text, headers, this.address.url) };
  }

  /** Returns the text of a GET that is no JSON, such as a proof. */
  async text(path: string): Promise<string> {
    const { status, headers, body } = await this.#response({ path });
    const text = Buffer.from(body).toString("utf8");
    if (status !== 200) throw this.#refused({ status, headers, text }, { path });
    return text;
  }

  #refused(answer: Pick<FailedAnswer, "status" | "headers" | "text">, { path, about }: ApiRequest): ClientFault {
    return answerFault({ ...answer, url: this.address.url, hasToken: this.hasToken, about: about ?? subjectOf(path) });
  }

  /**
   * Sends a GET whose body goes to a receiver. `attempt` is called for every try, so that each can
   * go on where the last one ended.
   */
  async stream(path: string, attempt: () => StreamedRequest): Promise<OutsideResponse> {
    const { address, note, pace = PACE, answerMaxMs: idleMaxMs = ANSWER_MAX_MS } = this.#options;
    const send = async () => {
      const { headers, bytes, receiver, complete } = attempt();
      const outside = this.#outside({ path });
      const maxMs = idleMaxMs + Math.ceil(bytes / SLOW_BYTES_PER_MS);
      const all = { ...outside.headers, ...headers, accept: "*/*" };
      // A refusal has a body too, which may be larger than a small archive.
      const maxBytes = bytes + ANSWER_MAX_BYTES;
      const request = { ...outside, headers: all, maxBytes, maxMs, idleMaxMs, receiver };
      const response = await requestOutside(`${address.url}${path}`, request);
      if (isSuccess(response.status)) complete();
      return response;
    };
    try {
      const response = await withRetries(send, { pace, isRepeatable: true, note });
      const { status, headers, body } = response;
      if (isSuccess(status)) return response;
      const text = Buffer.from(body).toString("utf8");
      throw this.#refused({ status, headers, text }, { path });
    } catch (cause) {
      throw connectionFault(cause, address);
    }
  }

  /** Returns a client of the same registry for the checks of `verify`, with the same retries. */
  forVerification(): RegistryClient {
    const { address, token, note, pace = PACE } = this.#options;
    const { certificates } = address;
    const sendOnce: Sender = (url, request) => requestOutside(url, { ...request, certificates });
    const send: Sender = (url, request) =>
      withRetries(() => sendOnce(url, request), { pace, isRepeatable: true, note });
    return new RegistryClient(address.url, token, send, sendOnce);
  }

  async #response(request: ApiRequest): Promise<OutsideResponse> {
    const { address, note, pace = PACE } = this.#options;
    const { method = "GET", path, isRepeatable = method === "GET" } = request;
    try {
      const attempt = () => requestOutside(`${address.url}${path}`, this.#outside(request));
      return await withRetries(attempt, { pace, isRepeatable, note });
    } catch (cause) {
      throw connectionFault(cause, address);
    }
  }

  #outside({ method = "GET", json, upload }: ApiRequest): OutsideRequest {
    const { address, token, answerMaxMs = ANSWER_MAX_MS } = this.#options;
    return {
      method,
      maxMs: answerMaxMs + Math.ceil((upload?.size ?? 0) / SLOW_BYTES_PER_MS),
      maxBytes: ANSWER_MAX_BYTES,
      // A redirected change might be sent as a read.
      redirectsMax: method === "GET" ? REDIRECTS_MAX : 0,
      certificates: address.certificates,
      headers: {
        accept: "application/json",
        "user-agent": `cpm-registry/${VERSION}`,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...(upload === undefined ? {} : { "content-type": upload.contentType, "content-length": String(upload.size) }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(upload === undefined ? {} : { body: upload.stream() }),
    };
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function bodyOf<T>(text: string, headers: Headers, url: string): T {
  const isJson = /\bjson\b/.test(headers.get("content-type") ?? "");
  try {
    if (isJson) return parseJsonText(text) as T;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  const detail = `${url} does not answer as a registry does. Is the address right, and is there a proxy between?`;
  throw clientFault("unavailable", "client_not_a_registry", detail);
}
