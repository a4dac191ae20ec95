/** @jsxImportSource preact */
import { createHmac } from "node:crypto";
import type { ComponentChildren } from "preact";
import { Command, countText } from "./pages/texts.tsx";
import { RESULT_ID } from "./result-id.ts";
import type { Visit } from "./visit.ts";

/*
 * What a page says after a form was accepted. The redirect names one of these by its code, and what
 * it is about: a package, a version, an account. A proof in the address is bound to the session, so
 * no address that somebody else made can put words on a page.
 */

/** What is said. A warning says that something is left to do. */
type Said = ComponentChildren | Warning;

class Warning {
  constructor(readonly text: ComponentChildren) {}
}

/** Adds a warning if the version that was named as replacement does not exist. */
function withMissing(text: string, missing: string | undefined): Said {
  if (missing === undefined) return text;
  return new Warning(`${text} There is no version ${missing} here yet: check what you named as its replacement.`);
}

const STATUS_TEXTS: Readonly<Record<string, string>> = {
  active: "is active: its page shows no status any more, and it takes new versions.",
  deprecated: "is deprecated: whoever looks at it reads so first. It takes new versions all the same.",
  archived: "is archived: whoever looks at it reads so first, and it takes no new versions.",
};

const ACCOUNT_NOTICES = {
  "signed-out": () => "You are signed out.",
  "signed-out-everywhere": () =>
    "Everything that somebody else may have of your account has ended: its sessions, its API tokens, the invitations that it made and the key resets that it asked for. Sign in again.",
  "session-ended": () =>
    new Warning("Your session has ended, so nothing was changed. Sign in and send the form again."),
  registered: () => "Your account is made, and you are signed in.",
  "registered-only": () => "Your account is made. Sign in to use it.",
  "password-changed": () => "Your password is changed, and every other session has ended.",
  "password-set": () => "Your new password is set. Sign in with it.",
  "tokens-revoked": (count: string) =>
    `Your password is changed, and every other session has ended. ${countText(Number(count), "API token")} ` +
    `${count === "1" ? "was" : "were"} revoked. Where your client used one, run cpm-registry login again.`,
  "token-revoked": (label: string) => `The token “${label}” is revoked: programs that use it are refused from now on.`,
  "webhook-tested": () => "The receiver took the test message.",
  "webhook-test-failed": () => new Warning("The receiver did not take the test message."),
  "webhook-replayed": () => "Events are sent again, one after the other. Reload the page to see how it goes.",
  "webhook-removed": (host: string) => `The webhook to ${host} is removed. Nothing more is sent there by it.`,
  "key-retired": (keyId: string) =>
    `The key ${keyId} is retired from your account: it starts no new package any more. What it signed stays valid.`,
  "invitation-accepted": (name: string) => (
    <>
      <p>You are an owner of {name} now. Before you can publish, an owner lets a key of yours in. On your machine:</p>
      <Command text="cpm-registry key generate" label="the command that makes a key" />
      <Command text={`cpm-registry key request --package ${name}`} label="the command that asks for the key" />
      <p>Send the line that the second one prints to another owner, who approves it within ten minutes.</p>
    </>
  ),
  "invitation-declined": (name: string) => `You declined to own ${name}. Its owners can invite you again.`,
  "owner-left": (name: string) => `You have left ${name}, and are no owner of it any more.`,
} as const;

const PACKAGE_NOTICES = {
  "owner-invited": (username: string, name: string) =>
    `${username} is invited to own ${name}. Tell them: they accept on the page of their account, within 30 days.`,
  "owner-removed": (username: string, name: string) =>
    `${username} is no owner of ${name} any more. What they published stays.`,
  "invitation-withdrawn": (username: string, name: string) =>
    `The invitation of ${username} to own ${name} is withdrawn: they cannot accept it any more.`,
  yanked: (name: string, version: string, missing?: string) =>
    withMissing(
      `${name} ${version} is yanked: search and latest pass over it. Whoever asks for exactly it still gets it. The log records it.`,
      missing,
    ),
  "yank-changed": (name: string, version: string, missing?: string) =>
    withMissing(`${name} ${version} is yanked for another reason now.`, missing),
  unyanked: (name: string, version: string) =>
    `The yank of ${name} ${version} is taken back: it is found again. The log records it.`,
  "status-changed": (name: string, status: string) => `${name} ${STATUS_TEXTS[status] ?? "has another status."}`,
  "reset-cancelled": (name: string) =>
    `The reset of the keys of ${name} is cancelled: its keys stay as they are. The log records it.`,
} as const;

const ADMIN_NOTICES = {
  "account-disabled": (username: string) =>
    `${username} is disabled: nobody can sign in to it, and everything with which it acted has ended.`,
  "account-enabled": (username: string) =>
    `${username} is enabled: its password works again. Its sessions and tokens stay ended.`,
  "account-invitation-withdrawn": (whom: string) =>
    `The invitation for ${whom} is withdrawn: its link makes no account any more.`,
  quarantined: (what: string) => `${what} is in quarantine: nobody can download it. The log records it.`,
  released: (what: string) => `${what} is released from quarantine: everybody can download it. The log records it.`,
  "name-allowed": (name: string) => `${name} may be published now, although it resembles a popular name.`,
} as const;

const NOTICES = { ...ACCOUNT_NOTICES, ...PACKAGE_NOTICES, ...ADMIN_NOTICES };

/** The code of a notice. */
export type NoticeCode = keyof typeof NOTICES;

function isNoticeCode(text: string): text is NoticeCode {
  return Object.hasOwn(NOTICES, text);
}

/** The parameters of an address with a notice: its code, what it is about, and the proof of both. */
const [CODE, ABOUT, PROOF] = ["done", "about", "proof"] as const;

/** The parameters that say what became of a form, and are no part of the address of a page. */
export const NOTICE_PARAMETERS: readonly string[] = [CODE, ABOUT, PROOF];

/** A part of the HMAC is enough: nobody else can try many of them. */
const PROOF_CHARS = 16;

function proofOf(formToken: string, code: string, about: readonly string[]): string {
  const text = JSON.stringify(["cpm-registry-notice/v1", code, ...about]);
  return createHmac("sha256", formToken).update(text).digest("base64url").slice(0, PROOF_CHARS);
}

/**
 * Makes the address of a page that shows a notice. Whatever the notice names, such as a package, is
 * in the address; only the session of the visitor reads it there.
 */
export function withNotice<Code extends NoticeCode>(
  { formTokens: [formToken = ""] }: Pick<Visit, "formTokens">,
  address: string,
  code: Code,
  ...about: Parameters<(typeof NOTICES)[Code]>
): string {
  const named = [...about].filter((one): one is string => one !== undefined);
  const parameters = new URLSearchParams([[CODE, code], ...named.map((one) => [ABOUT, one])]);
  if (named.length > 0) parameters.set(PROOF, proofOf(formToken, code, named));
  return `${address}${address.includes("?") ? "&" : "?"}${parameters}`;
}

/** Links of other sites must not make a page say that something happened. */
function isFromHere({ headers }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  return site === null || site === "same-origin" || site === "none";
}

function saidIn({ query, formTokens }: Visit): Said {
  const code = query.get(CODE) ?? "";
  const about = query.getAll(ABOUT);
  if (!isNoticeCode(code)) return undefined;
  const say: (...about: string[]) => Said = NOTICES[code];
  const isProved = formTokens.some((token) => proofOf(token, code, about) === query.get(PROOF));
  return isProved || (about.length === 0 && say.length === 0) ? say(...about) : undefined;
}

/** Says what the form before this page did. */
export function Notice({ visit }: { readonly visit: Visit }) {
  if (visit.problem !== undefined || !isFromHere(visit.request)) return null;
  const said = saidIn(visit);
  if (said === undefined) return null;
  const isWarning = said instanceof Warning;
  return (
    <div id={RESULT_ID} class={isWarning ? "banner warn" : "banner good"} role="status" tabindex={-1}>
      {isWarning ? said.text : said}
    </div>
  );
}
