/**
 * An S3 server in this process that fails on demand. It checks signatures for real (sigv4.ts), and
 * answers PutObject, GetObject, HeadObject, DeleteObject and ListObjectsV2 of one bucket as AWS
 * documents them. Anything else is a 501, so that a test notices.
 *
 * test/unit/fake-s3.test.ts checks it without faults against Bun's own client. Whether S3 behaves
 * like it is what the real server of s3.ts is for.
 */
import { act, failure, NOTHING, type Operation, type StoredObject } from "./fake-s3-objects.ts";
import { type Answer, type Exchange, serveRaw } from "./raw-http.ts";
import { type Credentials, isPresigned, parseQuery, refusalOf } from "./sigv4.ts";

export type Fault =
  /** An HTTP status with S3's XML. `code` is what AWS sends with this status, unless given. */
  | { readonly status: number; readonly code?: string; readonly retryAfterSeconds?: number; readonly afterMs?: number }
  /** Answers correctly, but that much later. */
  | { readonly slowMs: number }
  /** Receives the whole request and never answers. */
  | "timeout"
  /** Drops the connection (RST) once the whole request has come. */
  | "reset"
  /** Drops the connection (RST) once half of the body has come. */
  | "reset-mid-upload"
  /** Sends the head and half of the body, and then nothing. */
  | "hang-body"
  /** Sends the head and half of the body, and closes the connection. */
  | "reset-mid-body"
  /** Answers 200 with an `<Error>` as the body, and does nothing. */
  | "error-body-200"
  /** Answers 200 without a body, and does nothing. */
  | "empty-200"
  /** GET: sends half of the object, with a Content-Length that fits. */
  | "truncated"
  /** GET: changes one byte in the middle. */
  | "wrong-bytes"
  /** PUT: answers 200 with the ETag of all bytes, and stores half of them. */
  | "store-truncated"
  /** PUT: answers 200 with the ETag of the right bytes, and stores others. */
  | "store-wrong";

export interface FaultOrder {
  /** Any method, unless given. */
  readonly method?: Operation;
  /** Any key, unless given. A list's key is its prefix. */
  readonly key?: RegExp;
  /** Until `heal()`, unless given. */
  readonly times?: number;
  readonly how: Fault;
}

export interface SeenRequest {
  readonly method: Operation;
  /** The key of a list is its prefix. */
  readonly key: string;
  /** Undefined as long as there is no answer. */
  status: number | undefined;
  readonly presigned: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: ReadonlyMap<string, string>;
}

export interface FakeS3 extends Credentials {
  /** For path style: `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** For virtual-host style: Bun resolves every `<bucket>.localhost`. */
  readonly virtualHostUrl: string;
  readonly bucket: string;
  /** By key. Tests may change them. */
  readonly objects: Map<string, StoredObject>;
  /** In the order in which they came. */
  readonly requests: SeenRequest[];
  /** The Last-Modified of objects stored from now on. Undefined: the real time. */
  storeTime: Date | undefined;
  /** How far the fake's clock is ahead when it checks the date of a signature. */
  skewMs: number;
  /** Orders a fault. If several fit a request, the first ordered one acts. */
  fail(order: FaultOrder): void;
  /** Forgets all orders. Requests that hang already keep hanging. */
  heal(): void;
  /**
   * The settings of a registry that uses this bucket, or another one that does not exist, with
   * path-style addresses.
   */
  settings(bucket?: string): Record<string, string>;
  stop(): Promise<void>;
}

export type FakeS3Options = Partial<Credentials> & { readonly bucket?: string };

const CODES: Readonly<Record<number, string>> = {
  400: "InvalidRequest",
  403: "AccessDenied",
  404: "NoSuchKey",
  429: "TooManyRequests",
  500: "InternalError",
  503: "SlowDown",
  507: "InsufficientStorage",
};

/** Starts a fake on a free port of 127.0.0.1 with one empty bucket. */
export async function startFakeS3(options: FakeS3Options = {}): Promise<FakeS3> {
  const { accessKey = "FAKEACCESSKEY", secretKey = "fake/secret+key", region = "us-east-1", sessionToken } = options;
  let orders: { order: FaultOrder; left: number }[] = [];
  const takeFault = (operation: Operation, key: string): Fault | undefined => {
    const found = orders.find(
      ({ order, left }) => left > 0 && (order.method ?? operation) === operation && (order.key?.test(key) ?? true),
    );
    if (found) found.left -= 1;
    return found?.order.how;
  };
  const server = await serveRaw((exchange) => serve(fake, exchange, takeFault));
  const url = `http://127.0.0.1:${server.port}`;
  const fake: FakeS3 = {
    accessKey,
    secretKey,
    region,
    sessionToken,
    url,
    virtualHostUrl: `http://localhost:${server.port}`,
    bucket: options.bucket ?? "fake-bucket",
    objects: new Map(),
    requests: [],
    storeTime: undefined,
    skewMs: 0,
    fail: (order) => void orders.push({ order, left: order.times ?? Number.POSITIVE_INFINITY }),
    heal: () => {
      orders = [];
    },
    settings: (bucket = fake.bucket) => ({
      STORAGE_TYPE: "S3",
      STORAGE_ENDPOINT: url,
      STORAGE_BUCKET_NAME: bucket,
      STORAGE_ACCESS_KEY: accessKey,
      STORAGE_SECRET_KEY: secretKey,
      STORAGE_REGION: region,
      ...(sessionToken === undefined ? {} : { STORAGE_SESSION_TOKEN: sessionToken }),
    }),
    stop: () => server.stop(),
  };
  return fake;
}

/** Finds bucket and key in the address. Virtual-host style is `<bucket>.localhost`. */
function locate(rawPath: string, host: string): { bucket: string; key: string } {
  const path = decodeURIComponent(rawPath).slice(1);
  const virtual = host.match(/^(.+)\.localhost(?::\d+)?$/)?.[1];
  if (virtual !== undefined) return { bucket: virtual, key: path };
  const slash = path.indexOf("/");
  return slash < 0 ? { bucket: path, key: "" } : { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

async function serve(
  fake: FakeS3,
  exchange: Exchange,
  takeFault: (operation: Operation, key: string) => Fault | undefined,
): Promise<void> {
  const { method, target, headers } = exchange.head;
  const [rawPath = "", rawQuery = ""] = target.split("?", 2);
  const query = new Map(parseQuery(rawQuery));
  const { bucket, key } = locate(rawPath, headers.host ?? "");
  const operation = (method === "GET" && key === "" ? "LIST" : method) as Operation;
  const name = operation === "LIST" ? (query.get("prefix") ?? "") : key;
  const seen: SeenRequest = {
    method: operation,
    key: name,
    status: undefined,
    presigned: isPresigned(rawQuery),
    headers,
    query,
  };
  fake.requests.push(seen);
  const fault = takeFault(operation, name);
  const body = await receive(exchange, fault);
  if (body === "cut") return;
  if (fault === "timeout") await new Promise(() => {});
  if (fault === "reset") return exchange.reset();
  if (typeof fault === "object") await Bun.sleep("slowMs" in fault ? fault.slowMs : (fault.afterMs ?? 0));
  const answer = (): Answer => {
    const now = new Date(Date.now() + fake.skewMs);
    const refusal = refusalOf({ method, rawPath, rawQuery, headers, body: body ?? NOTHING }, fake, now);
    if (refusal) return failure(refusal.status, refusal.code, refusal.message);
    if (bucket !== fake.bucket) return failure(404, "NoSuchBucket", "The specified bucket does not exist");
    if (body === undefined) return failure(411, "MissingContentLength", "You must provide a Content-Length.");
    return act(fake, { operation, key, query, headers, body }, (bytes) => damaged(bytes, fault, operation));
  };
  await deliver(exchange, orderedAnswer(fault) ?? answer(), fault, seen);
}

/** Reads the body. Undefined if its length is unknown. */
async function receive(exchange: Exchange, fault: Fault | undefined): Promise<Uint8Array | undefined | "cut"> {
  const { contentLength } = exchange;
  if (contentLength === undefined) return undefined;
  if (fault !== "reset-mid-upload") return exchange.read(contentLength);
  await exchange.read(Math.floor(contentLength / 2));
  exchange.reset();
  return "cut";
}

async function deliver(exchange: Exchange, plain: Answer, fault: Fault | undefined, seen: SeenRequest): Promise<void> {
  const id = String(Math.random()).slice(2);
  const headers = { "x-amz-request-id": id, Date: new Date().toUTCString(), Server: "FakeS3", ...plain.headers };
  const answer = { ...plain, headers };
  seen.status = answer.status;
  const half = Math.floor(answer.body.length / 2);
  if (fault === "hang-body") {
    await exchange.send(answer, half);
    await new Promise(() => {});
  }
  if (fault === "reset-mid-body") {
    await exchange.send(answer, half);
    return exchange.close();
  }
  await exchange.send(answer);
  // The rest of a body without a length cannot be told apart from the next request.
  if (exchange.contentLength === undefined) exchange.close();
}

/** Sends the answer of a fault that has its own. */
function orderedAnswer(fault: Fault | undefined): Answer | undefined {
  if (fault === "empty-200") return { status: 200, headers: {}, body: NOTHING };
  if (fault === "error-body-200") return { ...failure(500, "InternalError", "We encountered an error."), status: 200 };
  if (typeof fault !== "object" || !("status" in fault)) return undefined;
  const answer = failure(fault.status, fault.code ?? CODES[fault.status] ?? "InternalError", "A fault was ordered.");
  if (fault.retryAfterSeconds === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, "Retry-After": String(fault.retryAfterSeconds) } };
}

/**
 * Changes the stored or read bytes as a fault orders. Other kinds of faults return them unchanged.
 */
function damaged(bytes: Uint8Array, fault: Fault | undefined, operation: Operation): Uint8Array {
  const [shorter, wrong] = operation === "PUT" ? ["store-truncated", "store-wrong"] : ["truncated", "wrong-bytes"];
  const middle = Math.floor(bytes.length / 2);
  if (fault === shorter) return bytes.slice(0, middle);
  if (fault !== wrong) return bytes;
  return bytes.map((byte, index) => (index === middle ? byte ^ 1 : byte));
}
