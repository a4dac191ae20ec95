/** Settings of a registry, for commands that need them. */
export const CONFIG_OPTION = {
  type: "string",
  value: "<file>",
  description: "read settings from this JSON file; settings in the environment take precedence",
} as const;

/** For commands with a report that other programs read. */
export const JSON_OPTION = { type: "boolean", description: "print one JSON document on standard output" } as const;

const COLOR_OPTION = {
  type: "string",
  value: "<when>",
  description: "auto, always or never; NO_COLOR in the environment, or color in ~/.cpm/config, when left out",
} as const;

/** For commands that evict whoever has an account. */
export const RETIRE_KEYS_OPTION = {
  type: "boolean",
  description: "retire the signing keys that the account registered in the last 30 days",
} as const;

/** The paragraph in the help of such a command that explains the eviction. */
export const EVICTION_TEXT = `Whoever has the account is evicted: its sessions end, its API tokens are revoked and its
      webhooks disabled, invitations that it made are withdrawn, and pending key resets that it asked for are cancelled.
      Keys that it registered in the last 30 days are listed, and retired with --retire-keys. Owners who accepted an
      invitation before stay.`;

/** For commands that make a reset link. */
export const HOURS_OPTION = {
  type: "string",
  value: "<number>",
  description: "how many hours the link is valid, at most 168; 24 when left out",
} as const;

/** Options of commands that verify what a registry says. */
export const TRUST_OPTIONS = {
  registry: {
    type: "string",
    value: "<url>",
    description:
      "the registry to ask: an address, or a name in ~/.cpm/config; CPM_REGISTRY in the environment, or the one of login, when left out",
  },
  vkey: {
    type: "string",
    value: "<key>",
    description: "the log's verifier key, from a source that you trust; without it, the key seen first is trusted",
  },
  policy: {
    type: "string",
    value: "<file>",
    description:
      "the logs and witnesses whose signatures are required (c2sp.org/tlog-policy); LOG_POLICY in the environment is used when left out",
  },
} as const;

/** Options of commands that verify, and are not only for users. */
export const VERIFY_OPTIONS = { ...TRUST_OPTIONS, json: JSON_OPTION, color: COLOR_OPTION } as const;

/** The last paragraph about commands that remember what a log showed. */
export const SEEN_LOGS_TEXT =
  "What a log showed is remembered in ~/.cpm/log. If the log later shows another history, the command reports it.";

/** The last paragraph about commands that need no running server. */
export const OFFLINE_TEXT =
  "Run it on the registry's machine, as the user of the registry and with its settings. Root becomes the owner of DATA_DIR first. The server may be running.";

/** Options of every client command. */
export const CLIENT_OPTIONS = {
  registry: {
    type: "string",
    value: "<url>",
    description:
      "the registry: an address, or a name in ~/.cpm/config; CPM_REGISTRY in the environment, or the one of login, when left out",
  },
  json: JSON_OPTION,
  yes: { type: "boolean", description: "ask nothing, and answer yes where only a confirmation is missing" },
  cafile: { type: "string", value: "<file>", description: "trust these certificates (PEM) in place of the system's" },
  "insecure-http": {
    type: "boolean",
    description: "allow http to other machines, which shows passwords to the network",
  },
  timeout: { type: "string", value: "<seconds>", default: "30", description: "how long to wait for each answer" },
  color: COLOR_OPTION,
} as const;

/** Options of client commands that ask no registry. */
export const LOCAL_OPTIONS = { json: JSON_OPTION, yes: CLIENT_OPTIONS.yes, color: COLOR_OPTION } as const;

/** For commands that need a password, which is never an argument: other users see arguments. */
export const PASSWORD_OPTION = {
  type: "boolean",
  description: "read the password from the first line of standard input",
} as const;

/** For commands that sign. */
export const KEY_OPTION = {
  type: "string",
  value: "<key>",
  description:
    "the signing key: a name of key list, a file in PEM or hex, or agent:<comment> for ssh-agent; CPM_SIGNING_KEY or the key 'default' when left out",
} as const;

/** For commands that need a session, because an API token must not change keys. */
export const PASSWORD_OPTIONS = {
  username: {
    type: "string",
    value: "<name>",
    description: "whose password is asked for; that of the last login when left out",
  },
  "password-stdin": PASSWORD_OPTION,
} as const;

/** For commands that choose a version where the user names none. */
export const MINIMUM_AGE_OPTION = {
  type: "string",
  value: "<time>",
  description:
    "choose no version that is younger, such as 7d or 24h; minimumAge in ~/.cpm/config when left out, and 0 for any",
} as const;

/** The argument of commands about a whole package. */
export const PACKAGE_ARGUMENT = { name: "name", description: "the name of the package" } as const;

/** The argument of commands about one webhook. */
export const WEBHOOK_ARGUMENT = {
  name: "webhook",
  description: "its id, or the beginning of it, or its address, as webhook list prints them",
} as const;

/** The arguments of commands about an owner of a package. */
export const OWNER_ARGUMENTS = [
  PACKAGE_ARGUMENT,
  { name: "username", description: "the user name of the other account" },
] as const;

/** Options of commands that change the status of a package and say why. */
export const STATUS_OPTIONS = {
  message: { type: "string", value: "<text>", description: "what users are told" },
  replacement: { type: "string", value: "<package>", description: "what to use instead" },
  ...CLIENT_OPTIONS,
} as const;

/**
 * Returns the package and the version of the words `<name> <version>`, which may also be written
 * `<name>@<version>` as for a client.
 */
export function nameAndVersion(
  name: string,
  version: string | undefined,
): { readonly name: string; readonly version: string | undefined } {
  const at = name.indexOf("@");
  if (version !== undefined || at < 1) return { name, version };
  return { name: name.slice(0, at), version: name.slice(at + 1) };
}
