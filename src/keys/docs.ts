import { BODY_PROBLEMS, operation } from "../http/operation.ts";

/* The operations on signing keys in the OpenAPI document. */

const OWNER_PROBLEMS = ["package_not_found", "not_an_owner", "storage_full", ...BODY_PROBLEMS] as const;
const STATEMENT_PROBLEMS = ["signature_invalid", "key_change_outdated", "log_rollback", "log_key_missing"] as const;
const keysAnswer = { 200: { description: "The keys after the change", schema: "PackageKeys" } };

/** The operations of keys/routes.ts by the name of their route. */
export const keyDocs = {
  list: operation({
    id: "listKeys",
    summary: "The signing keys of this account",
    tag: "accounts",
    auth: "session",
    responses: { 200: { description: "The keys, including retired ones", schema: "SigningKeyList" } },
    problems: [],
  }),
  challenge: operation({
    id: "challengeKey",
    summary: "Get a nonce and the statement that registers a key",
    description: "Sign the statement with the key and send the signature to POST /api/auth/keys within ten minutes.",
    tag: "accounts",
    auth: "session",
    responses: { 201: { description: "What to sign", schema: "KeyChallenge" } },
    problems: ["signature_invalid", "limit_reached", "storage_full", ...BODY_PROBLEMS],
  }),
  register: operation({
    id: "registerKey",
    summary: "Register a signing key",
    description: "The first publish of an account without keys registers its key automatically.",
    tag: "accounts",
    auth: "session",
    responses: { 201: { description: "The key", schema: "SigningKey" } },
    problems: ["nonce_invalid", "signature_invalid", "key_exists", "limit_reached", "storage_full", ...BODY_PROBLEMS],
  }),
  retire: operation({
    id: "retireKey",
    summary: "Retire a signing key",
    description: "The key can no longer publish. Versions that it signed stay valid.",
    tag: "accounts",
    auth: "session",
    responses: { 204: { description: "Retired" } },
    problems: ["key_not_found", "storage_full"],
  }),
  read: operation({
    id: "readPackageKeys",
    summary: "The keys of a package and the history of their changes",
    tag: "packages",
    auth: "reader",
    responses: { 200: { description: "The keys", schema: "PackageKeys" }, 304: { description: "Unchanged" } },
    problems: ["package_not_found"],
  }),
  log: operation({
    id: "readPackageLog",
    summary: "The leaves of the log that are about a package",
    description:
      "Its key changes, versions and statuses, each with its inclusion proof. A client that replays them knows which keys may sign.",
    tag: "packages",
    auth: "reader",
    responses: { 200: { description: "The leaves", schema: "PackageLog" }, 304: { description: "Unchanged" } },
    problems: ["package_not_found", "version_not_found", "validation_failed"],
  }),
  add: operation({
    id: "addPackageKey",
    summary: "Add a key that may sign a package",
    description:
      "signature is by a key that may sign the package, newKeySignature by the new key. Both sign cpm-key-change/v2.",
    tag: "packages",
    auth: "session",
    responses: keysAnswer,
    problems: ["key_exists", "limit_reached", ...STATEMENT_PROBLEMS, ...OWNER_PROBLEMS],
  }),
  remove: operation({
    id: "removePackageKey",
    summary: "Remove a key of a package",
    description:
      "With the reason compromised, the versions that the key signed (since a given one) are flagged and permanently yanked.",
    tag: "packages",
    auth: "session",
    responses: keysAnswer,
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
    summary: "Request a key that replaces all others after 72 hours",
    description: "For an owner whose keys are lost. Until then, any owner or old key can cancel the reset.",
    tag: "packages",
    auth: "session",
    responses: keysAnswer,
    problems: ["reset_pending", "key_exists", "limit_reached", ...STATEMENT_PROBLEMS, ...OWNER_PROBLEMS],
  }),
  cancelReset: operation({
    id: "cancelPackageKeyReset",
    summary: "Cancel a reset",
    description:
      "An owner or an administrator cancels with a session and no body. The holder of an active key cancels with a signature, without an account; in a private registry, the answer to that has neither keys nor changes.",
    tag: "packages",
    responses: keysAnswer,
    problems: ["reset_not_found", "reset_upheld", "session_required", ...STATEMENT_PROBLEMS, ...OWNER_PROBLEMS],
  }),
  upholdReset: operation({
    id: "upholdPackageKeyReset",
    summary: "Uphold a reset against keys",
    description:
      "Only owners and administrators can cancel it from then on. Without a pending reset, the next one is upheld that an owner requests within seven days.",
    tag: "packages",
    auth: "admin",
    responses: { 200: { description: "What is upheld", schema: "UpheldReset" } },
    problems: ["package_not_found", "log_rollback", "storage_full"],
  }),
};
