import type { OutsideResponse } from "../runtime/outside-request.ts";
import { ClientFault } from "./client-fault.ts";

/** How often and how long is tried. Tests use shorter times. */
export interface Pace {
  readonly tries: number;
  /** The mean wait before the second try; it doubles each time. */
  readonly firstWaitMs: number;
  /** The longest time that a registry may ask to wait for. */
  readonly retryAfterMaxMs: number;
}

/** The pace of client.md: five tries with jitter, `Retry-After` up to a minute. */
export const PACE: Pace = { tries: 5, firstWaitMs: 500, retryAfterMaxMs: 60_000 };

/** The registry did not do what was asked, and may later. */
const BUSY = [408, 429, 502, 503, 504];
/** The registry did nothing at all, so that any request may be repeated. */
const NOT_BEGUN = [429, 503];
const REFUSED_TRIES = 2;
const NOT_CONNECTED = ["ConnectionRefused", "ECONNREFUSED", "FailedToOpenSocket"];

/** What an attempt ended with. */
export type Attempt = { readonly response: OutsideResponse } | { readonly error: unknown };

/** Who waits, and who is told about it. */
export interface RetryOptions {
  readonly pace: Pace;
  /** Whether the request may be sent again when it is not known whether it arrived. */
  readonly isRepeatable: boolean;
  readonly note: (text: string) => void;
}

/**
 * Runs `attempt` until it ends with an answer that another try would not change. Returns the last
 * response, or throws the last error.
 */
export async function withRetries(
  attempt: () => Promise<OutsideResponse>,
  { pace, isRepeatable, note }: RetryOptions,
): Promise<OutsideResponse> {
  for (let tried = 1; ; tried += 1) {
    const ended = await attempt().then(
      (response): Attempt => ({ response }),
      (error: unknown): Attempt => ({ error }),
    );
    const waitMs =
      tried < triesFor(ended, pace) && mayRepeat(ended, isRepeatable) ? waitOf(ended, tried, pace) : undefined;
    if (waitMs === undefined) {
      if ("error" in ended) throw ended.error;
      return ended.response;
    }
    if (waitMs >= 1_000) note(`The registry ${stateOf(ended)}; trying again in ${Math.ceil(waitMs / 1000)} s.`);
    await Bun.sleep(waitMs);
  }
}

function stateOf(ended: Attempt): string {
  if ("error" in ended) return "does not answer";
  return ended.response.status === 429 ? "limits how often this is asked" : "is busy";
}

/** A machine that refuses connections runs no registry. It may be about to start again. */
function triesFor(ended: Attempt, { tries }: Pace): number {
  return "error" in ended && NOT_CONNECTED.includes(codeOf(ended.error)) ? Math.min(tries, REFUSED_TRIES) : tries;
}

function mayRepeat(ended: Attempt, isRepeatable: boolean): boolean {
  if ("response" in ended && needsOperator(ended.response)) return false;
  if ("response" in ended) return (isRepeatable ? BUSY : NOT_BEGUN).includes(ended.response.status);
  return isRepeatable ? isLostConnection(ended.error) : NOT_CONNECTED.includes(codeOf(ended.error));
}

/** Codes of states that only the registry's operator ends, which lasts longer than anybody waits. */
export const OPERATOR_CODES: readonly string[] = ["read_only", "log_rollback", "log_key_missing"];

function needsOperator({ status, body }: OutsideResponse): boolean {
  if (status !== 503) return false;
  const text = Buffer.from(body).toString("utf8");
  return OPERATOR_CODES.some((code) => text.includes(`"code":"${code}"`));
}

/** A certificate that is not trusted, or an address that is none, stays so. */
function isLostConnection(error: unknown): boolean {
  return !/CERT|UNABLE_TO_|SELF_SIGNED|ERR_TLS|InvalidURL/i.test(codeOf(error)) && !isOutsideAnswer(error);
}

/** An answer that came but cannot be used: too large, compressed, redirected, or no archive. */
function isOutsideAnswer(error: unknown): boolean {
  if (error instanceof ClientFault) return true;
  return error instanceof Error && error.name === "OutsideFault" && !/no whole answer/.test(error.message);
}

/** Returns the code of a failed connection, such as `ECONNREFUSED`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Undefined if the registry asks for more patience than there is. */
function waitOf(ended: Attempt, tried: number, { firstWaitMs, retryAfterMaxMs }: Pace): number | undefined {
  const jitteredMs = firstWaitMs * 2 ** (tried - 1) * (0.5 + Math.random());
  if ("error" in ended) return jitteredMs;
  const asked = Number(ended.response.headers.get("retry-after") ?? Number.NaN) * 1_000;
  if (Number.isNaN(asked)) return jitteredMs;
  return asked > retryAfterMaxMs ? undefined : asked + Math.random() * firstWaitMs;
}
