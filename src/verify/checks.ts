/** What can be wrong, each with a name of its own that scripts may act on. */
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
  | "older_tree"
  | "forked"
  | "quorum_missing"
  | "bundle_malformed"
  | "leaf_malformed"
  | "tile_differs"
  | "root_differs"
  | "duplicate_version"
  | "sequence_gap"
  | "archive_missing"
  | "archive_differs"
  | "archive_withheld";

/** One row of what was checked; `detail` says what was compared with what. */
export interface Check {
  readonly check: string;
  readonly result: "ok" | "failed" | "not checked" | "warning";
  readonly code?: ProblemCode;
  readonly detail: string;
}

export function ok(check: string, detail: string): Check {
  return { check, result: "ok", detail };
}

export function failed(check: string, code: ProblemCode, detail: string): Check {
  return { check, result: "failed", code, detail };
}

export function unchecked(check: string, detail: string): Check {
  return { check, result: "not checked", detail };
}

export function warning(check: string, detail: string): Check {
  return { check, result: "warning", detail };
}

export function isGood(checks: readonly Check[]): boolean {
  return checks.every(({ result }) => result !== "failed");
}
