/** @jsxImportSource preact */
import type { Visit } from "./visit.ts";

/*
 * What a page says after a form was accepted. The redirect names one of these by its code, so an
 * address can never put words of its own on a page.
 */

const NOTICES = {
  "signed-in": "You are signed in.",
  "signed-out": "You are signed out.",
  "signed-out-everywhere":
    "Everything that somebody else may have of your account has ended: its sessions, its API tokens, the invitations that it made and the key resets that it asked for. Sign in again.",
  "session-ended": "Your session has ended, so nothing was changed. Sign in and send the form again.",
  registered: "Your account is made, and you are signed in.",
  "registered-only": "Your account is made. Sign in to use it.",
  "token-revoked": "The token is revoked. It is refused from now on.",
  "key-retired": "The key is retired from your account.",
  "password-changed": "Your password is changed, and every other session has ended.",
  "invitation-accepted": "You are an owner now. A key of yours must be let in before you can publish.",
  "invitation-declined": "The invitation is declined.",
  "owner-invited": "The account is invited. It becomes an owner when it accepts, within 30 days.",
  "owner-removed": "The owner is removed.",
  "invitation-withdrawn": "The invitation is withdrawn.",
  "owner-left": "You have left the package, and are no owner of it any more.",
  yanked: "The version is yanked. The log records it.",
  unyanked: "The yank is taken back: the version is found again.",
  "status-changed": "The status is changed.",
  "reset-cancelled": "The reset is cancelled. The keys of the package stay as they are.",
  "account-disabled": "The account is disabled, and everything with which it acted has ended.",
  "account-enabled": "The account is enabled: its password works again.",
  quarantined: "It is in quarantine: nobody can download it. The log records it.",
  released: "It is released from quarantine.",
  "name-allowed": "The name may be published now.",
} as const;

/** The code of a notice. */
export type NoticeCode = keyof typeof NOTICES;

function isNoticeCode(text: string): text is NoticeCode {
  return Object.hasOwn(NOTICES, text);
}

/** The name of the parameter with the code. */
export const NOTICE_PARAMETER = "done";

/** Makes the address of a page that shows a notice. */
export function withNotice(address: string, code: NoticeCode): string {
  return `${address}${address.includes("?") ? "&" : "?"}${NOTICE_PARAMETER}=${code}`;
}

/** Links of other sites must not make a page say that something happened. */
function isFromHere({ headers }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  return site === null || site === "same-origin" || site === "none";
}

/** Says what the form before this page did. */
export function Notice({ visit: { query, request, problem } }: { readonly visit: Visit }) {
  const code = query.get(NOTICE_PARAMETER) ?? "";
  if (!isNoticeCode(code) || problem !== undefined || !isFromHere(request)) return null;
  return (
    <div class={code === "session-ended" ? "banner warn" : "banner good"} role="status">
      {NOTICES[code]}
    </div>
  );
}
