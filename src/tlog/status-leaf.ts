import { parseDecimal } from "./encoding.ts";

/** What administrators do to a package or a version. */
export const STATUS_ACTIONS = ["quarantine", "release", "remove"] as const;
/** The categories of reasons. */
export const STATUS_REASONS = ["legal", "secret", "malware", "policy"] as const;

/** What an administrator did. */
export type StatusAction = (typeof STATUS_ACTIONS)[number];

/** Why an administrator did it, as the log records it. */
export type StatusReason = (typeof STATUS_REASONS)[number];

/** The version of a status leaf that is about all versions of a package. */
export const WHOLE_PACKAGE = "*";

/**
 * What an administrator did to a package or a version: quarantined it, released it, or took it
 * down. `seq` numbers the statuses of one package and version (or `*`) from 1.
 */
export interface StatusEntry {
  readonly name: string;
  /** `*` for the whole package. */
  readonly version: string;
  readonly seq: number;
  readonly action: StatusAction;
  readonly reason: StatusReason;
}

const STATUS_LEAF = /^cpm\.status\/v1 ([!-~]+) ([!-~]+) (\d+) ([a-z]+)\nreason ([a-z]+)\n$/;

/** Writes the leaf of a status. `parseLeaf` of tlog/leaf.ts reads it back. */
export function statusText({ name, version, seq, action, reason }: StatusEntry): string {
  return `cpm.status/v1 ${name} ${version} ${seq} ${action}\nreason ${reason}\n`;
}

/** Reads the leaf of a status; `undefined` when its form is wrong. */
export function parseStatus(text: string): ({ readonly kind: "status" } & StatusEntry) | undefined {
  const [, name = "", version = "", seqText = "", actionText, reasonText] = STATUS_LEAF.exec(text) ?? [];
  const seq = parseDecimal(seqText);
  const action = STATUS_ACTIONS.find((known) => known === actionText);
  const reason = STATUS_REASONS.find((known) => known === reasonText);
  if (seq === undefined || action === undefined || reason === undefined) return undefined;
  return { kind: "status", name, version, seq, action, reason };
}
