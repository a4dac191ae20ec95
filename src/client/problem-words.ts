import type { RegistryError } from "../errors.ts";

/** What a failed request was about, as its address names it. */
export interface Subject {
  readonly name?: string;
  readonly version?: string;
}

/** What the registry refused, and for whom. */
export interface Refusal extends Subject {
  /** The registry's own words. */
  readonly detail: string;
  readonly hasToken: boolean;
  readonly requestId?: string;
}

/** `what` stands in place of the registry's words, and `next` after them. */
interface Words {
  readonly what?: (refusal: Refusal) => string;
  readonly next?: (refusal: Refusal) => string;
}

type Code = RegistryError["code"];

/** The registry's words say what happened and what to do, also to the user of a command. */
const OWN_WORDS: Words = {};
const OPERATOR: Words = {
  what: ({ detail }) => detail.replace(/ (Report the requestId|Tell its operator).*$/, ""),
  next: ({ requestId }) =>
    `Tell the registry's operator${requestId === undefined ? "" : `, with the request id ${requestId}`}.`,
};
const named = ({ name }: Subject) => name ?? "<name>";
const spec = (about: Subject) => `${named(about)}${about.version === undefined ? "" : `@${about.version}`}`;
const BUG: Words = {
  what: ({ detail }) => `The registry does not understand this program: ${detail}`,
  next: () => "The two may be of different versions: cpm-registry doctor shows both.",
};
const loginStep = ({ hasToken }: Refusal) =>
  hasToken
    ? "Log in again: cpm-registry login, or set a new CPM_API_TOKEN."
    : "Log in first: cpm-registry login, or set CPM_API_TOKEN.";

/**
 * The words for every refusal of a registry. Its own are for whoever sends requests; where they
 * name one, users of commands get the command.
 */
const WORDS: { readonly [C in Code]: Words } = {
  validation_failed: { what: () => "The registry refuses these values:" },
  malformed_body: BUG,
  unsupported_media_type: BUG,
  payload_too_large: OWN_WORDS,
  request_timeout: { what: () => "What was sent arrived too slowly. Try again over a faster connection." },
  route_not_found: {
    what: () => "This registry has no such function.",
    next: () => "It may be older than this program: cpm-registry doctor shows both versions.",
  },
  method_not_allowed: BUG,
  unauthenticated: {
    what: ({ hasToken, detail }) => {
      if (!hasToken) return "The registry wants to know who you are.";
      return /mistyped/.test(detail)
        ? "Your token is incomplete or mistyped."
        : "Your token is not valid here: it has expired, was revoked, or is of another registry.";
    },
    next: loginStep,
  },
  invalid_credentials: OWN_WORDS,
  conflicting_credentials: {
    what: () => "Two different tokens reached the registry. Does a proxy between add one of its own?",
  },
  account_disabled: OWN_WORDS,
  session_required: {
    what: () => "An API token cannot do this.",
    next: () => "The command asks for your password: run it on a terminal, or with --password-stdin.",
  },
  insufficient_scope: {
    what: ({ detail }) => {
      const needed = /: it needs (.*?)\. Create /.exec(detail)?.[1];
      return `Your token may not do this${needed === undefined ? "" : `: it needs ${needed}`}.`;
    },
    next: () =>
      "Log in again, which makes one that may do everything: cpm-registry login\nOr make another for this: cpm-registry token create --help",
  },
  admin_only: OWN_WORDS,
  too_many_attempts: OWN_WORDS,
  user_not_found: OWN_WORDS,
  token_not_found: { what: () => "You have no such token.", next: () => "To see yours: cpm-registry token list" },
  webhook_not_found: {
    what: () => "You have no such webhook.",
    next: () => "To see yours: cpm-registry webhook list",
  },
  key_not_found: {
    what: ({ detail }) => detail.replace(/ GET .*$/, ""),
    next: ({ name }) =>
      name === undefined
        ? "To see the keys of this machine: cpm-registry key list"
        : `To see which exist: cpm-registry key list --package ${name}`,
  },
  key_exists: OWN_WORDS,
  nonce_invalid: { what: () => "Registering the key took too long, and its question expired. Run the command again." },
  limit_reached: OWN_WORDS,
  registration_closed: {
    what: () => "This registry accepts no new accounts.",
    next: () =>
      "Ask its operator for an invitation, then: cpm-registry register --invitation <token>\nOr for an account, then: cpm-registry login",
  },
  too_many_registrations: OWN_WORDS,
  username_taken: OWN_WORDS,
  username_too_similar: OWN_WORDS,
  username_reserved: OWN_WORDS,
  email_taken: {
    what: () => "An account has this e-mail address already. Choose another one.",
    next: () => "If it is yours: cpm-registry login",
  },
  package_not_found: {
    what: (refusal) => `There is no package ${named(refusal)} here.`,
    next: () => "To look for it: cpm-registry search <text>",
  },
  version_not_found: {
    what: ({ detail }) => detail.replace(/ GET .*$/, ""),
    next: (refusal) => `To see its versions: cpm-registry info ${named(refusal)} --versions`,
  },
  contents_not_found: {
    what: ({ detail }) => detail.replace(/ GET .*$/, ""),
    next: (refusal) => `To see its files: cpm-registry info ${spec(refusal)} --files`,
  },
  file_not_found: {
    what: ({ detail }) => detail.replace(/ GET .*$/, ""),
    next: (refusal) => `To see its files: cpm-registry info ${spec(refusal)} --files`,
  },
  file_too_large: {
    what: ({ detail }) => detail.replace(/ GET .*$/, ""),
    next: (refusal) => `It comes with the whole package: cpm-registry download ${spec(refusal)} --extract <dir>`,
  },
  tile_not_found: { ...OPERATOR, what: () => "The log lacks a part that it should have." },
  not_an_owner: {
    what: (refusal) => `Only an owner of ${named(refusal)} can do this.`,
    next: (refusal) => `To see whom to ask: cpm-registry owner list ${named(refusal)}`,
  },
  last_owner: {
    what: (refusal) => `${named(refusal)} would have no owner left.`,
    next: (refusal) =>
      `Invite another one first: cpm-registry owner invite ${named(refusal)} <username>
Nobody needs it any more? cpm-registry archive ${named(refusal)}`,
  },
  key_not_trusted: {
    what: ({ detail }) =>
      detail
        .replace(/ An owner can add it with POST .*$| GET .*$/, "")
        .replace(/ Register this key first with POST .*$/, " This one is not registered."),
  },
  key_change_outdated: {
    what: (refusal) => `Somebody else changed the keys of ${named(refusal)} at the same moment.`,
    next: () => "Run the command again.",
  },
  last_key: {
    what: (refusal) => `${named(refusal)} would have no key left.`,
    next: (refusal) => `Add another one first: cpm-registry key add <key> --package ${named(refusal)}`,
  },
  reset_pending: {
    next: (refusal) => `To see the reset: cpm-registry info ${named(refusal)} --keys`,
  },
  reset_not_found: {
    what: ({ detail }) => detail.replace(/ GET .*$/, ""),
    next: (refusal) => `To see its keys: cpm-registry info ${named(refusal)} --keys`,
  },
  reset_upheld: OWN_WORDS,
  name_too_similar: OWN_WORDS,
  package_archived: {
    what: (refusal) => `${named(refusal)} is archived and takes no new versions.`,
    next: (refusal) => `An owner can change that: cpm-registry activate ${named(refusal)}`,
  },
  package_full: OWN_WORDS,
  quarantined: OWN_WORDS,
  taken_down: OWN_WORDS,
  invitation_invalid: OWN_WORDS,
  reset_link_invalid: OWN_WORDS,
  version_compromised: OWN_WORDS,
  publish_limit_reached: OWN_WORDS,
  secrets_found: {
    what: () => "The package seems to contain secrets:",
    next: () =>
      "Remove them, and replace them where they are used.\nIf none of them is a secret: cpm-registry publish --allow-secrets",
  },
  name_taken: OWN_WORDS,
  version_exists: { next: () => "Raise version in colony.yaml, then publish again." },
  signature_invalid: { what: () => "The registry does not accept the signature:" },
  archive_rejected: {
    what: () => "The registry does not accept this archive:",
    next: () => "Correct it, then try again. To check it without the registry: cpm-registry check",
  },
  blob_missing: OPERATOR,
  blob_corrupt: OPERATOR,
  blob_unreadable: OPERATOR,
  range_not_satisfiable: BUG,
  read_only: OWN_WORDS,
  form_refused: BUG,
  metrics_disabled: OWN_WORDS,
  busy: OWN_WORDS,
  database_unavailable: OWN_WORDS,
  database_corrupt: OPERATOR,
  storage_full: OPERATOR,
  storage_busy: OWN_WORDS,
  storage_failed: OWN_WORDS,
  storage_timeout: OWN_WORDS,
  log_rollback: {
    what: () => "The registry's log is behind what it has published. Reading works; publishing and changing do not.",
    next: () => "Its operator has to decide: tell them, and try again later.",
  },
  log_key_missing: {
    what: () => "The registry has lost the key of its log. Reading works; publishing and changing do not.",
    next: () => "Its operator has to put it back: tell them, and try again later.",
  },
  internal: OPERATOR,
};

/**
 * Returns a refusal in words for the user of a command: what happened, and in further lines what to
 * do. A code that this program does not know keeps the registry's words.
 */
export function refusalText(code: string, refusal: Refusal): string {
  const { what, next } = isCode(code) ? WORDS[code] : OWN_WORDS;
  const said = what?.(refusal) ?? refusal.detail;
  return next === undefined ? said : `${said}\n${next(refusal)}`;
}

function isCode(code: string): code is Code {
  return Object.hasOwn(WORDS, code);
}

/** What stands in an address where a version can stand. No version has such a name. */
const PARTS_OF_PACKAGE = ["keys", "owners", "status", "events", "log", "dependents"];

/** Reads from the address of a request which package and version it is about. */
export function subjectOf(path: string): Subject {
  const [, name, version] = /^\/api\/packages\/([^/?]+)(?:\/([^/?]+))?/.exec(path) ?? [];
  if (name === undefined) return {};
  const about = { name: decodeURIComponent(name) };
  if (version === undefined || PARTS_OF_PACKAGE.includes(version)) return about;
  return { ...about, version: decodeURIComponent(version) };
}
