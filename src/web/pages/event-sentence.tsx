/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import { EVENT_KINDS, type EventKind } from "../../audit/record-event.ts";
import type { EventView } from "../../events/read-events.ts";
import type { OfVisit } from "../layout.tsx";
import { EventDetails } from "./event-details.ts";
import { tabPath } from "./package-address.ts";
import { countText, Moment, sizeText } from "./texts.tsx";
import { yankReasonText } from "./yank-texts.ts";

/** What the sentences of events are made of. */
interface Told {
  readonly name: string;
  readonly details: EventDetails;
  /** The package or the version, as a link. */
  readonly subject: ComponentChildren;
  /** The account that the event is about, else the one that made the change. */
  readonly account: string;
}

type Sentence = (told: Told) => ComponentChildren;

interface KeyProps {
  readonly details: EventDetails;
  /** True at the beginning of a sentence. */
  readonly isFirst?: boolean;
}

function Key({ details, isFirst = false }: KeyProps) {
  const keyId = details.text("keyId");
  return (
    <>
      {isFirst ? "Key" : "key"} {keyId === undefined ? "(forgotten)" : <code title={keyId}>{keyId.slice(0, 12)}</code>}
    </>
  );
}

function Until({ details, name }: Pick<Told, "details"> & { readonly name: string }) {
  const at = details.text(name);
  return at === undefined || Number.isNaN(Date.parse(at)) ? null : <Moment at={at} />;
}

const labelIn = (details: EventDetails) =>
  details.after(" “", "label") + (details.text("label") === undefined ? "" : "”");
const isAgain = (details: EventDetails) => (details.has("recovered") ? ", recovered from the log" : "");

const OF_ACCOUNTS = {
  "account.created": ({ account, details }) =>
    `Account ${account} was made${details.text("role") === "admin" ? ", an administrator" : ""}${isAgain(details)}`,
  "account.password_changed": ({ account }) => `${account} changed their password`,
  "account.password_reset": ({ account, details }) =>
    details.text("linkExpiresAt") === undefined
      ? `${account} was given a new password, and was signed out everywhere`
      : `${account} was given a link to set a new password, and was signed out everywhere`,
  "account.role_granted": ({ account }) => `${account} became an administrator`,
  "account.role_revoked": ({ account }) => `${account} is no administrator any more`,
  "account.disabled": ({ account }) => `${account} was disabled`,
  "account.enabled": ({ account }) => `${account} was enabled again`,
  "account.invited": ({ details }) => (
    <>
      An invitation to make an account was made, open until <Until details={details} name="expiresAt" />
    </>
  ),
  "account.invitation_withdrawn": () => "An invitation to make an account was withdrawn",
  "account.forgotten": ({ account }) => `${account} was forgotten: their personal data is deleted`,
  "account.deleted": ({ account }) => `Account ${account} was deleted`,
  "session.started": ({ account }) => `${account} signed in`,
  "session.ended": ({ account, details }) => `${account} signed out${details.has("everywhere") ? " everywhere" : ""}`,
  "token.created": ({ details }) =>
    `API token${labelIn(details)} was made: ${details.list("scopes").join(", ")}, for ${details.list("packages").join(", ").replace(/^\*$/, "all packages")}`,
  "token.revoked": ({ account, details }) => `API token${labelIn(details)} of ${account} was revoked`,
  "key.registered": ({ account, details }) => (
    <>
      {account} registered <Key details={details} />
      {details.has("firstUse") && ", with their first publish"}
      {isAgain(details)}
    </>
  ),
  "key.retired": ({ account, details }) => (
    <>
      <Key details={details} isFirst /> of {account} was retired
    </>
  ),
} satisfies Partial<Record<EventKind, Sentence>>;

const OF_KEYS = {
  "package_key.pinned": ({ details, subject }) => (
    <>
      <Key details={details} isFirst /> may sign {subject}: it signed the first version
    </>
  ),
  "package_key.added": ({ details, subject }) => (
    <>
      <Key details={details} isFirst /> may sign {subject} from now on
    </>
  ),
  "package_key.removed": ({ details, subject }) => (
    <>
      <Key details={details} isFirst /> may not sign {subject} any more{details.after(": ", "reason")}
      {details.after(" since ", "since")}
      {details.after(", with the owner ", "formerOwner")}
    </>
  ),
  "package_key.reset_requested": ({ details, subject }) => (
    <>
      A reset of the keys of {subject} to <Key details={details} /> was asked for. It takes effect at{" "}
      <Until details={details} name="effectiveAt" />
      {details.after(", upheld by ", "upheldBy")}
    </>
  ),
  "package_key.reset_cancelled": ({ details, subject }) => (
    <>
      The reset of the keys of {subject} to <Key details={details} /> was cancelled
    </>
  ),
  "package_key.reset_upheld": ({ details, subject }) =>
    details.text("keyId") === undefined ? (
      <>
        The next reset of the keys of {subject} is upheld, if it is asked for until{" "}
        <Until details={details} name="waitsUntil" />
      </>
    ) : (
      <>
        The reset of the keys of {subject} to <Key details={details} /> was upheld: keys cannot cancel it
      </>
    ),
  "package_key.reset_effective": ({ details, subject }) => (
    <>
      The reset of the keys of {subject} took effect: only <Key details={details} /> may sign it
      {details.after(", as asked for by ", "requestedBy")}
    </>
  ),
} satisfies Partial<Record<EventKind, Sentence>>;

const quarantined: Sentence = ({ details, subject }) => (
  <>
    {subject} was put in quarantine{details.after(" as ", "category")}
    {details.after(": ", "reason")}
  </>
);
const released: Sentence = ({ subject }) => <>{subject} was released from quarantine</>;
const takenDown: Sentence = ({ details, subject }) => (
  <>
    {subject} was taken down for good as {details.text("reason") ?? "unwanted"}
    {details.after(": ", "reference")}
  </>
);

const OF_PACKAGES = {
  "package.created": ({ subject }) => <>The package {subject} was made</>,
  "package.status_changed": ({ details, subject }) => (
    <>
      {subject} is {details.text("status")} now{details.after(": use ", "replacement")}
    </>
  ),
  "package.quarantined": quarantined,
  "package.released": released,
  "package.taken_down": takenDown,
  "owner.invited": ({ account, subject }) => (
    <>
      {account} was invited to own {subject}
    </>
  ),
  "owner.invitation_withdrawn": ({ account, subject }) => (
    <>
      The invitation of {account} to own {subject} was withdrawn or declined
    </>
  ),
  "owner.added": ({ account, subject }) => (
    <>
      {account} is an owner of {subject} now
    </>
  ),
  "owner.removed": ({ account, subject }) => (
    <>
      {account} is no owner of {subject} any more
    </>
  ),
  "version.published": ({ details, subject }) => (
    <>
      {subject} was published: {sizeText(Number(details.text("size") ?? 0))}, signed with <Key details={details} />
    </>
  ),
  "version.secrets_allowed": ({ details, subject }) => (
    <>
      {subject} was published although {countText(details.count("secrets"), "text")} in it may be secret
    </>
  ),
  "version.yanked": ({ details, subject }) => (
    <>
      {subject} was yanked{withColon(yankReasonText(details.text("reason") ?? null))}
      {details.after(", because of the compromised key ", "compromisedKey")}
      {details.after(". Use ", "replacement")}
    </>
  ),
  "version.unyanked": ({ subject }) => <>The yank of {subject} was taken back</>,
  "version.quarantined": quarantined,
  "version.released": released,
  "version.taken_down": takenDown,
  "name.allowed": ({ name }) => `The name ${name} may be published, although it resembles another`,
} satisfies Partial<Record<EventKind, Sentence>>;

function withColon(text: string | undefined): string {
  return text === undefined ? "" : `: ${text}`;
}

const OF_REGISTRY = {
  "registry.read_only": ({ details }) => `The registry was made read-only${details.after(": ", "reason")}`,
  "registry.writable": () => "The registry may be changed again",
  "registry.recovered": ({ details }) =>
    `The registry was recovered from ${details.text("size") ?? "the"} entries of the log`,
  "webhook.created": ({ details }) => `A webhook${details.after(" to ", "host")} was made`,
  "webhook.removed": ({ details }) => `The webhook${details.after(" to ", "host")} was removed`,
  "webhook.replayed": ({ details }) =>
    `The webhook${details.after(" to ", "host")} sends its events again${details.after(", since ", "since")}`,
  "webhook.disabled": ({ details }) =>
    `The webhook${details.after(" to ", "host")}${details.after(" of ", "username")} was disabled${details.after(": ", "reason")}`,
} satisfies Partial<Record<EventKind, Sentence>>;

const SENTENCES: Readonly<Record<EventKind, Sentence>> = { ...OF_ACCOUNTS, ...OF_KEYS, ...OF_PACKAGES, ...OF_REGISTRY };

function Subject({ visit: { root }, event: { package: name, version } }: OfVisit & { readonly event: EventView }) {
  if (name === null) return null;
  const address = version === null ? `packages/${name}` : tabPath(name, version, "");
  return (
    <a href={`${root}${address}`}>
      {name}
      {version !== null && ` ${version}`}
    </a>
  );
}

/**
 * Says in a sentence what happened. An event of a kind that this program does not know is named by
 * its code.
 */
export function EventSentence({ visit, event }: OfVisit & { readonly event: EventView }) {
  const kind = EVENT_KINDS.find((known) => known === event.kind);
  if (kind === undefined) return <code>{event.kind}</code>;
  const details = new EventDetails(event.details);
  const account = details.text("username") ?? event.user ?? "an account";
  return (
    <>
      {SENTENCES[kind]({
        details,
        account,
        name: event.package ?? "",
        subject: <Subject visit={visit} event={event} />,
      })}
    </>
  );
}
