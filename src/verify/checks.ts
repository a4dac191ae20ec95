/** The stable codes of problems, on which scripts may act. */
export type ProblemCode =
  | "archive_rejected"
  | "signature_invalid"
  | "not_logged"
  | "proof_malformed"
  | "leaf_mismatch"
  | "not_included"
  | "checkpoint_malformed"
  | "checkpoint_unsigned"
  | "vkey_unknown"
  | "other_origin"
  | "log_restarted"
  | "log_key_retired"
  | "log_change_invalid"
  | "older_tree"
  | "forked"
  | "quorum_missing"
  | "bundle_malformed"
  | "leaf_malformed"
  | "tile_differs"
  | "root_differs"
  | "duplicate_version"
  | "sequence_gap"
  | "history_broken"
  | "history_forked"
  | "history_missing"
  | "history_shorter"
  | "key_compromised"
  | "backdated"
  | "time_in_future"
  | "key_change_invalid"
  | "name_differs"
  | "signer_not_trusted"
  | "archive_missing"
  | "archive_differs"
  | "archive_withheld"
  | "withheld_unlogged";

/** The result of one check. `detail` states what was compared. */
export interface Check {
  readonly check: string;
  readonly result: "ok" | "failed" | "not checked" | "warning";
  readonly code?: ProblemCode;
  readonly detail: string;
}

/** Makes the result of a passed check. */
export function ok(check: string, detail: string): Check {
  return { check, result: "ok", detail };
}

/** Makes the result of a failed check. */
export function failed(check: string, code: ProblemCode, detail: string): Check {
  return { check, result: "failed", code, detail };
}

/** Makes the result of a check that was not possible. */
export function unchecked(check: string, detail: string): Check {
  return { check, result: "not checked", detail };
}

/** Makes the result of a check that passed with a warning. */
export function warning(check: string, detail: string): Check {
  return { check, result: "warning", detail };
}

/** Returns whether no check failed. */
export function isGood(checks: readonly Check[]): boolean {
  return checks.every(({ result }) => result !== "failed");
}
