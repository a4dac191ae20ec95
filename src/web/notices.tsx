/** @jsxImportSource preact */
import { isReplacement } from "../domain/replacement.ts";
import { parseVersion } from "../domain/version.ts";
import { Command, countText } from "./pages/texts.tsx";
import type { Visit } from "./visit.ts";

/*
 * What a page says after a form was accepted. The redirect names one of these by its code, so an
 * address can never put words of its own on a page: at most the name of a package, a version or a
 * number.
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

/** What is said of one thing, which the address names. */
const NOTICES_ABOUT = {
  "invitation-accepted": (name: string) => (
    <>
      <p>You are an owner of {name} now. Before you can publish, an owner lets a key of yours in. On your machine:</p>
      <Command text="cpm-registry key generate" label="the command that makes a key" />
      <Command text={`cpm-registry key request --package ${name}`} label="the command that asks for the key" />
      <p>Send the line that the second one prints to another owner, who approves it within ten minutes.</p>
    </>
  ),
  "tokens-revoked": (count: string) =>
    `Your password is changed, and every other session has ended. ${countText(Number(count), "API token")} ` +
    `${count === "1" ? "was" : "were"} revoked. Where your client used one, run cpm-registry login again.`,
  "yanked-for-unknown": (what: string) => `The version is yanked. The log records it. ${notHere(what)}`,
  "status-changed-for-unknown": (what: string) => `The status is changed. ${notHere(what)}`,
} as const;

/** What a replacement is that does not exist: a version of the same package, or another package. */
function notHere(what: string): string {
  const kind = parseVersion(what) === undefined ? "package" : "version";
  return `There is no ${kind} ${what} here yet: check what you named as its replacement.`;
}

/** The code of a notice. */
export type NoticeCode = keyof typeof NOTICES;

/** The code of a notice about one thing. */
type NoticeAboutCode = keyof typeof NOTICES_ABOUT;

function isNoticeCode(text: string): text is NoticeCode {
  return Object.hasOwn(NOTICES, text);
}

function isNoticeAboutCode(text: string): text is NoticeAboutCode {
  return Object.hasOwn(NOTICES_ABOUT, text);
}

/** The name of the parameter with the code. */
export const NOTICE_PARAMETER = "done";
/** The name of the parameter with what the notice is about. */
export const ABOUT_PARAMETER = "about";

/** Makes the address of a page that shows a notice. */
export function withNotice(address: string, code: NoticeCode): string {
  return `${address}${address.includes("?") ? "&" : "?"}${NOTICE_PARAMETER}=${code}`;
}

/**
 * Makes the address of a page that shows a notice about one thing: the name of a package, a version,
 * `name@version` or a number.
 */
export function withNoticeAbout(address: string, code: NoticeAboutCode, about: string): string {
  return `${address}?${new URLSearchParams({ [NOTICE_PARAMETER]: code, [ABOUT_PARAMETER]: about })}`;
}

/** Links of other sites must not make a page say that something happened. */
function isFromHere({ headers }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  return site === null || site === "same-origin" || site === "none";
}

/** The codes of notices after which something is left to do. */
const WARNINGS = /^session-ended$|-for-unknown$/;

function saidAbout(code: string, about: string) {
  const isNamed = isReplacement(about) || /^\d{1,9}$/.test(about);
  return isNoticeAboutCode(code) && isNamed ? NOTICES_ABOUT[code](about) : undefined;
}

/** Says what the form before this page did. */
export function Notice({ visit: { query, request, problem } }: { readonly visit: Visit }) {
  const code = query.get(NOTICE_PARAMETER) ?? "";
  if (problem !== undefined || !isFromHere(request)) return null;
  const said = isNoticeCode(code) ? NOTICES[code] : saidAbout(code, query.get(ABOUT_PARAMETER) ?? "");
  if (said === undefined) return null;
  return (
    <div class={WARNINGS.test(code) ? "banner warn" : "banner good"} role="status">
      {said}
    </div>
  );
}
