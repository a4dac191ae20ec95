import { parseJsonText } from "../domain/json-text.ts";
import { OutsideFault } from "../runtime/outside-request.ts";
import { ClientFault, type ClientFaultKind, type ClientProblem, clientFault, type FaultLine } from "./client-fault.ts";
import { refusalText, type Subject } from "./problem-words.ts";
import type { RegistryAddress } from "./registry-address.ts";
import { codeOf, OPERATOR_CODES } from "./retries.ts";

/** An answer that is no success. */
export interface FailedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly url: string;
  readonly hasToken: boolean;
  /** What the request was about. */
  readonly about: Subject;
}

/** Returns how a command ends that got a status. */
function kindOfStatus(status: number): ClientFaultKind {
  if (status === 401 || status === 403) return "denied";
  if (status === 408 || status === 429 || status >= 500) return "unavailable";
  if ([400, 409, 413, 415, 422].includes(status)) return "refused";
  return "failed";
}

/** Turns an answer into a failure with the next step. */
export function answerFault(answer: FailedAnswer): ClientFault {
  const { status, url, hasToken, headers } = answer;
  const problem = problemOf(answer);
  if (problem === undefined) {
    const hint = status >= 300 && status < 400 ? ` It redirects to ${headers.get("location")}: use that address.` : "";
    const detail = `${url} answered ${status}, and not as a registry does.${hint} Is the address right, and is there a proxy between?`;
    return clientFault(status === 404 ? "failed" : "unavailable", "client_not_a_registry", detail);
  }
  const mayEndSoon = kindOfStatus(status) === "unavailable" && !OPERATOR_CODES.includes(problem.code);
  const waits = mayEndSoon ? waitText(headers.get("retry-after")) : undefined;
  const said = refusalText(problem.code, { ...answer.about, ...problem, hasToken });
  const detail = waits === undefined || said.includes(waits) ? said : `${said}\n${waits}`;
  return new ClientFault(kindOfStatus(status), { ...problem, detail });
}

function waitText(retryAfter: string | null): string | undefined {
  return retryAfter !== null && /^\d+$/.test(retryAfter) ? `Try again in ${retryAfter} s.` : undefined;
}

function problemOf({ text, status, headers }: FailedAnswer): ClientProblem | undefined {
  if (!/\bjson\b/.test(headers.get("content-type") ?? "")) return undefined;
  try {
    const parsed = parseJsonText(text);
    if (typeof parsed !== "object" || parsed === null || !("code" in parsed) || !("detail" in parsed)) return undefined;
    const { code, detail, title, requestId, errors } = parsed as Record<string, unknown>;
    if (typeof code !== "string" || typeof detail !== "string") return undefined;
    const lines = Array.isArray(errors) ? errors.filter(isFaultLine) : undefined;
    return {
      code,
      status,
      detail,
      ...(typeof title === "string" ? { title } : {}),
      ...(typeof requestId === "string" ? { requestId } : {}),
      ...(lines === undefined ? {} : { errors: lines }),
    };
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function isFaultLine(value: unknown): value is FaultLine {
  if (typeof value !== "object" || value === null) return false;
  const { path, message } = value as Partial<FaultLine>;
  return typeof path === "string" && typeof message === "string";
}

/** Turns what a request throws into a failure with the next step. */
export function connectionFault(cause: unknown, { url, source }: RegistryAddress): unknown {
  if (cause instanceof ClientFault) return cause;
  if (cause instanceof OutsideFault) {
    const detail = `${url} cannot be used: ${cause.message}. Is the address right, and the network?`;
    return clientFault("unavailable", "client_registry_unusable", detail);
  }
  if (!(cause instanceof Error)) return cause;
  const code = codeOf(cause);
  if (/CERT|UNABLE_TO_|SELF_SIGNED|ERR_TLS/.test(code)) {
    const detail = `The certificate of ${url} is not trusted (${code}). With a certificate authority of your own: --cafile <file>`;
    return clientFault("unavailable", "client_certificate_untrusted", detail);
  }
  const reason = cause.message.replace(/ Is the computer able to access the url\?$/, "").replace(/[^.?!]$/, "$&.");
  const from = source === "CPM_REGISTRY" ? " It comes from CPM_REGISTRY." : "";
  const detail = `${url} cannot be reached: ${reason} Is the registry running, and the address right?${from}`;
  return clientFault("unavailable", "client_registry_unreachable", detail);
}
