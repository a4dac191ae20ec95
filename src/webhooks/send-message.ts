import type { Config } from "../config/config.ts";
import type { JwtKeys } from "../config/jwt-key.ts";
import type { Secret } from "../config/secret.ts";
import { errorCode } from "../errors.ts";
import { OutsideFault, requestOutside } from "../runtime/outside-request.ts";
import { VERSION } from "../runtime/version.ts";
import { destinationOf, type Resolve } from "./endpoint.ts";
import { type Message, openSecret, signatureHeaders } from "./secret.ts";
import type { DeliveryRow, WebhookRow } from "./webhook-view.ts";

/** How long a receiver may take for everything: its name, the connection and the answer. */
const ATTEMPT_MAX_MS = 10_000;
/** By this answer a receiver says that it wants no more messages. */
const GONE = 410;

/** What sending needs. `resolve` is `resolveHost` outside of tests. */
export interface SendDeps {
  readonly config: Pick<Config, "webhookAllowedHosts">;
  readonly clock: () => Date;
  readonly jwtKeys: Secret<JwtKeys>;
  readonly resolve: Resolve;
}

/** Where a message goes, and the sealed secret that signs it. */
export type Endpoint = Pick<WebhookRow, "id" | "url" | "sealedSecret">;

/** How an attempt ended. `refused`: it was not sent, because the address is not allowed. */
export interface Attempt extends Pick<DeliveryRow, "outcome" | "status" | "reason" | "durationMs"> {
  /** Whether the receiver wants no more messages. */
  readonly isGone: boolean;
}

type Ending = Omit<Attempt, "durationMs" | "isGone">;

const SECRET_LOST: Ending = {
  outcome: "refused",
  status: null,
  reason: "its secret cannot be opened, because JWT_KEY is another one. Remove the webhook and make another",
};

function endingOf(status: number): Ending {
  if (status >= 200 && status < 300) return { outcome: "delivered", status, reason: null };
  if (status >= 300 && status < 400) {
    return { outcome: "failed", status, reason: `it answered ${status}, and redirects are not followed` };
  }
  return { outcome: "failed", status, reason: `it answered ${status}` };
}

/** Says why there was no answer, without the address, which may contain a secret. */
function reasonOf(cause: unknown): string {
  if (cause instanceof OutsideFault) return cause.message;
  const code = errorCode(cause) ?? "unknown error";
  if (/^(ENOTFOUND|EAI_|DNS_)/.test(code)) return `its name cannot be resolved (${code})`;
  if (/CERT|TLS|SSL/.test(code)) return `its certificate is not accepted (${code})`;
  return `it cannot be reached (${code})`;
}

async function attempt(deps: SendDeps, { id, url, sealedSecret }: Endpoint, message: Message, signal: AbortSignal) {
  const opened = openSecret(deps.jwtKeys, id, sealedSecret);
  if (opened === undefined) return SECRET_LOST;
  const destination = await destinationOf(deps.config, url, deps.resolve);
  signal.throwIfAborted();
  if ("refusal" in destination) {
    return { outcome: "refused", status: null, reason: destination.refusal } as const satisfies Ending;
  }
  const { status } = await requestOutside(url, {
    method: "POST",
    connectTo: destination.address,
    headers: {
      "content-type": "application/json",
      "user-agent": `cpm-registry/${VERSION}`,
      ...signatureHeaders(opened.secret, message, deps.clock()),
    },
    body: message.body,
    maxMs: ATTEMPT_MAX_MS,
    maxBytes: 0,
    readsBody: () => false,
    signal,
  });
  return endingOf(status);
}

/**
 * Sends a message once. The body of the answer is not read and redirects are not followed. Never
 * throws for what a receiver does. Throws the reason of `stop` if that is aborted first.
 */
export async function sendMessage(
  deps: SendDeps,
  endpoint: Endpoint,
  message: Message,
  stop: AbortSignal,
): Promise<Attempt> {
  const begun = performance.now();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  ended.catch(() => undefined);
  const abort = new AbortController();
  const end = (reason: unknown) => {
    reject(reason);
    abort.abort(reason);
  };
  const onStop = () => end(stop.reason);
  stop.addEventListener("abort", onStop);
  // The resolver of the system ends by no signal, so its time is bounded here.
  const late = new OutsideFault(`there was no answer within ${ATTEMPT_MAX_MS} ms`);
  const timer = setTimeout(() => end(late), ATTEMPT_MAX_MS);
  const work = attempt(deps, endpoint, message, abort.signal);
  work.catch(() => undefined);
  try {
    stop.throwIfAborted();
    const ending = await Promise.race([work, ended]).catch((cause: unknown): Ending => {
      stop.throwIfAborted();
      return { outcome: "failed", status: null, reason: reasonOf(cause) };
    });
    return { ...ending, durationMs: Math.round(performance.now() - begun), isGone: ending.status === GONE };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", onStop);
  }
}
