import { BODY_PROBLEMS, operation } from "../http/operation.ts";

/* What /swagger/json says of signing keys. */

const OWNER_PROBLEMS = ["package_not_found", "not_an_owner", "storage_full", ...BODY_PROBLEMS] as const;
const STATEMENT_PROBLEMS = ["signature_invalid", "key_change_outdated", "log_rollback"] as const;
const keysAnswer = { 200: { description: "The keys after the change", schema: "PackageKeys" } };

export const keyDocs = {
  list: operation({
    id: "listKeys",
    summary: "The signing keys of this account",
    tag: "accounts",
    auth: "session",
    answers: { 200: { description: "The keys, retired ones too", schema: "SigningKeyList" } },
    problems: [],
  }),
  challenge: operation({
    id: "challengeKey",
    summary: "Get a nonce and the statement that registers a key",
    description: "Sign the statement with the key and send the signature to POST /api/auth/keys within ten minutes.",
    tag: "accounts",
    auth: "session",
    answers: { 201: { description: "What to sign", schema: "KeyChallenge" } },
    problems: ["signature_invalid", "limit_reached", "storage_full", ...BODY_PROBLEMS],
  }),
  register: operation({
    id: "registerKey",
    summary: "Register a signing key",
    description: "The first publish of an account without keys does this by itself.",
    tag: "accounts",
    auth: "session",
    answers: { 201: { description: "The key", schema: "SigningKey" } },
    problems: ["nonce_invalid", "signature_invalid", "key_exists", "limit_reached", "storage_full", ...BODY_PROBLEMS],
  }),
  retire: operation({
    id: "retireKey",
    summary: "Retire a signing key",
    description: "Nothing more can be published with it; what it signed stays valid.",
    tag: "accounts",
    auth: "session",
    answers: { 204: { description: "Retired" } },
    problems: ["key_not_found", "storage_full"],
  }),
  read: operation({
    id: "readPackageKeys",
    summary: "Which keys may sign a package, and everything that happened to them",
    tag: "packages",
    auth: "reader",
    answers: { 200: { description: "The keys", schema: "PackageKeys" }, 304: { description: "Unchanged" } },
    problems: ["package_not_found"],
  }),
  add: operation({
    id: "addPackageKey",
    summary: "Let another key sign a package",
    description:
      "signature is of a key that may sign the package, newKeySignature of the new one, both over cpm-key-change/v1 with add and previous.",
    tag: "packages",
    auth: "session",
    answers: keysAnswer,
    problems: ["key_exists", "limit_reached", ...STATEMENT_PROBLEMS, ...OWNER_PROBLEMS],
  }),
  remove: operation({
    id: "removePackageKey",
    summary: "Take from a key the right to sign a package",
    description: "With compromised, the versions it signed (since one of them) are flagged and yanked for good.",
    tag: "packages",
    auth: "session",
    answers: keysAnswer,
    problems: [
      "key_not_found",
      "key_exists",
      "last_key",
      "reset_pending",
      "version_not_found",
      ...STATEMENT_PROBLEMS,
      ...OWNER_PROBLEMS,
    ],
  }),
  reset: operation({
    id: "resetPackageKeys",
    summary: "Ask for a new key in place of all others, in 72 hours",
    description: "For an owner whose keys are lost. Any owner or old key can cancel it until then.",
    tag: "packages",
    auth: "session",
    answers: keysAnswer,
    problems: ["reset_pending", "key_exists", "limit_reached", ...STATEMENT_PROBLEMS, ...OWNER_PROBLEMS],
  }),
  cancelReset: operation({
    id: "cancelPackageKeyReset",
    summary: "Cancel a reset",
    description:
      "As an owner with a session and no body, or without an account by the signature of a key that may sign.",
    tag: "packages",
    auth: "reader",
    answers: keysAnswer,
    problems: ["reset_not_found", "session_required", ...STATEMENT_PROBLEMS, ...OWNER_PROBLEMS],
  }),
};
