import { errorCode, Failure, failure, type RegistryError } from "../errors.ts";

type StorageErrorCode = Extract<RegistryError["code"], `storage_${string}`>;

/** Enough attempts, with their pauses, to outlast a restart or a rate limit of the storage. */
const ATTEMPTS_MAX = 4;
/** A wrong response may come from the network once, but hardly twice. */
const WRONG_ATTEMPTS_MAX = 2;

/** The failure of one request to S3. */
export class S3Fault extends Error {
  override readonly name = "S3Fault";

  constructor(
    /**
     * A code of S3 (`SlowDown`), a status (`403`) or a code of the network (`ECONNREFUSED`), for
     * operators.
     */
    readonly code: string,
    /** The failure that a call ends with if this is its last fault. */
    readonly answer: StorageErrorCode,
    /** How many times in total it makes sense to send the request. */
    readonly attemptsMax: number,
    /** What else an operator must know, such as which source gave no credentials. */
    readonly detail?: string,
    /** Where the bucket is, if the storage says that the request named another region. */
    readonly region?: string,
  ) {
    super(code);
  }
}

const FULL = /^(?:QuotaExceeded|XMinioStorageFull|InsufficientStorage|InsufficientCapacity)$/;
const BUSY = /^(?:SlowDown|ServiceUnavailable|TooManyRequests|RequestLimitExceeded)$/;
/** Codes about permissions and addresses, which a retry does not change. */
const FINAL = /^(?:AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|NoSuchBucket|ExpiredToken|InvalidToken)$/;

/** Classifies an unsuccessful response. S3 puts its own code into the body. */
export async function faultOfResponse(response: Response): Promise<S3Fault> {
  const text = await response.text();
  const named = /<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(text.slice(0, 4_096))?.[1];
  const { status } = response;
  const code = named ?? String(status);
  const region = regionOf(response, text);
  if (region !== undefined) return new S3Fault(code, "storage_failed", 1, undefined, region);
  if (status === 507) return new S3Fault(code, "storage_full", 1);
  if (status === 503 || status === 429) return new S3Fault(code, "storage_busy", ATTEMPTS_MAX);
  if (status === 504) return new S3Fault(code, "storage_timeout", ATTEMPTS_MAX);
  return namedFault(code, status >= 500 ? ATTEMPTS_MAX : 1);
}

/** The region that a refusal names as the right one. AWS names it in a header or in the body. */
function regionOf({ status, headers }: Response, text: string): string | undefined {
  if (status !== 400 && status !== 301 && status !== 307) return undefined;
  const named = headers.get("x-amz-bucket-region") ?? /<Region>([^<]*)<\/Region>/.exec(text.slice(0, 4_096))?.[1];
  return named !== undefined && /^[a-z0-9-]{1,40}$/.test(named) ? named : undefined;
}

/** Makes the fault of a response that has a good status and a wrong content. */
export function wrongAnswer(code: string): S3Fault {
  return new S3Fault(code, "storage_failed", WRONG_ATTEMPTS_MAX);
}

/**
 * Classifies a thrown error. Returns undefined for a failure that S3 did not cause, such as a full
 * local disk.
 */
export function faultOf(cause: unknown): S3Fault | undefined {
  if (cause instanceof S3Fault) return cause;
  if (cause instanceof Failure) return undefined;
  if (cause instanceof Error && (cause.name === "TimeoutError" || cause.name === "AbortError")) {
    return new S3Fault("Timeout", "storage_timeout", ATTEMPTS_MAX);
  }
  const code = errorCode(cause);
  // Errors of the network have a code of fetch. Errors of this program and of the local disk have
  // one of these or none.
  if (code === undefined || /^(?:ENOSPC|EDQUOT|EFBIG|EACCES|EROFS|EIO|EMFILE|ENOENT|ERR_(?!TLS))/.test(code)) {
    return undefined;
  }
  return namedFault(code, ATTEMPTS_MAX);
}

/** Classifies a code of S3 without a status. Bun's list operation reports nothing else. */
function namedFault(code: string, attemptsMax: number): S3Fault {
  if (FULL.test(code)) return new S3Fault(code, "storage_full", 1);
  // Its status is 400, but the network is the cause: the body of an upload came too slowly.
  if (code === "RequestTimeout") return new S3Fault(code, "storage_timeout", ATTEMPTS_MAX);
  if (BUSY.test(code)) return new S3Fault(code, "storage_busy", ATTEMPTS_MAX);
  return new S3Fault(code, "storage_failed", FINAL.test(code) ? 1 : attemptsMax);
}

/** Converts the last fault of a call to a failure. */
export function toFailure(fault: S3Fault): Failure {
  return failure({ code: fault.answer }, fault);
}
