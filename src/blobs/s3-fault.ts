import { errorCode, Failure, failure, type RegistryError } from "../errors.ts";

type StorageErrorCode = Extract<RegistryError["code"], `storage_${string}`>;

/** A storage that is restarted or asks for fewer requests is back within these, with the pauses between them. */
const ATTEMPTS_MAX = 4;
/** A wrong answer may be the network's fault, but hardly twice. */
const WRONG_ATTEMPTS_MAX = 2;

/** Why one request to S3 did not do what it should: a status with S3's own code, or a code of the network. */
export class S3Fault extends Error {
  override readonly name = "S3Fault";

  constructor(
    /** `SlowDown`, `403`, `ECONNREFUSED`: for the log and for who starts a registry. */
    readonly code: string,
    readonly answer: StorageErrorCode,
    /** How many times in all the same request is worth sending. */
    readonly attemptsMax: number,
  ) {
    super(code);
  }
}

const FULL = /^(?:QuotaExceeded|XMinioStorageFull|InsufficientStorage|InsufficientCapacity)$/;
const BUSY = /^(?:SlowDown|ServiceUnavailable|TooManyRequests|RequestLimitExceeded)$/;
/** Asking again changes nothing about who asks for what. */
const FINAL = /^(?:AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|NoSuchBucket|ExpiredToken|InvalidToken)$/;

/** Tells what a refused request means. S3 names its code in the body. */
export async function faultOfResponse(response: Response): Promise<S3Fault> {
  const text = await response.text();
  const named = /<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(text.slice(0, 4_096))?.[1];
  const { status } = response;
  const code = named ?? String(status);
  if (status === 507) return new S3Fault(code, "storage_full", 1);
  if (status === 503 || status === 429) return new S3Fault(code, "storage_busy", ATTEMPTS_MAX);
  if (status === 504) return new S3Fault(code, "storage_timeout", ATTEMPTS_MAX);
  return namedFault(code, status >= 500 ? ATTEMPTS_MAX : 1);
}

/** The answer was not what was asked for, though its status says so. */
export function wrongAnswer(code: string): S3Fault {
  return new S3Fault(code, "storage_failed", WRONG_ATTEMPTS_MAX);
}

/** What a failed request means; undefined for failures that are no matter of S3, such as a full disk here. */
export function faultOf(cause: unknown): S3Fault | undefined {
  if (cause instanceof S3Fault) return cause;
  if (cause instanceof Failure) return undefined;
  if (cause instanceof Error && (cause.name === "TimeoutError" || cause.name === "AbortError")) {
    return new S3Fault("Timeout", "storage_timeout", ATTEMPTS_MAX);
  }
  const code = errorCode(cause);
  // fetch names what the network did; errors of this program, and of its own disk, have other codes or none.
  if (code === undefined || /^(?:ENOSPC|EDQUOT|EFBIG|EACCES|EROFS|EIO|EMFILE|ENOENT|ERR_(?!TLS))/.test(code)) {
    return undefined;
  }
  return namedFault(code, ATTEMPTS_MAX);
}

/** What S3's own code means where there is no status: Bun's list reports nothing else. */
function namedFault(code: string, attemptsMax: number): S3Fault {
  if (FULL.test(code)) return new S3Fault(code, "storage_full", 1);
  // The status of this one is 400, though it is the network's: the body of an upload came too slowly.
  if (code === "RequestTimeout") return new S3Fault(code, "storage_timeout", ATTEMPTS_MAX);
  if (BUSY.test(code)) return new S3Fault(code, "storage_busy", ATTEMPTS_MAX);
  return new S3Fault(code, "storage_failed", FINAL.test(code) ? 1 : attemptsMax);
}

/** The failure that a fault ends in. */
export function failed(fault: S3Fault): Failure {
  return failure({ code: fault.answer }, fault);
}
