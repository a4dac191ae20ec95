import type { Frontier } from "../log/frontier.ts";
import { EMPTY_FRONTIER } from "../log/frontier.ts";
import type { LeafHistory, Look } from "./leaf-rules.ts";

/** The progress of an audit, from which it can continue with the next leaf. */
export interface AuditState {
  readonly frontier: Frontier;
  readonly history: LeafHistory;
  /** Whether every archive up to here was checked too. */
  readonly withArchives: boolean;
  /** How large the log was when the audit looked, by the auditor's clock; undefined before the first. */
  readonly looked: Look | undefined;
}

/** Returns the state before the first leaf. */
export function firstState(withArchives: boolean): AuditState {
  return { frontier: EMPTY_FRONTIER, history: historyOf({}), withArchives, looked: undefined };
}

type StoredHistory = ReturnType<typeof storedHistory>;

function historyOf({
  versions,
  packages,
  sequences,
  statuses,
  archivesUnread = 0,
  newestMs = 0,
}: Partial<StoredHistory>): LeafHistory {
  return {
    versions: new Set(versions),
    packages: new Map(packages),
    sequences: new Map(sequences),
    statuses: new Map(statuses),
    archivesUnread,
    newestMs,
  };
}

function storedHistory({ versions, packages, sequences, statuses, archivesUnread, newestMs }: LeafHistory) {
  const lists = { versions: [...versions], packages: [...packages], sequences: [...sequences] };
  return { ...lists, statuses: [...statuses], archivesUnread, newestMs };
}

/** Encodes a state for a file. */
export function storedOf({ frontier, history, withArchives, looked }: AuditState) {
  const { size, nodes, edges } = frontier;
  return {
    size,
    nodes: nodes.map(({ level, hash }) => ({ level, hash: hash.toString("base64") })),
    edges: edges.map((edge) => edge.map((hash) => hash.toString("base64"))),
    ...storedHistory(history),
    withArchives,
    looked,
  };
}

/**
 * Decodes a state that `storedOf` encoded. Returns undefined for the file of an older version, or a
 * modified one.
 */
export function stateOf(stored: Partial<ReturnType<typeof storedOf>>): AuditState | undefined {
  const { size, nodes, edges, versions, packages, sequences, statuses, withArchives, looked } = stored;
  if (typeof size !== "number" || ![stored.archivesUnread, stored.newestMs].every(Number.isFinite)) return undefined;
  if (typeof withArchives !== "boolean" || typeof looked?.atMs !== "number") return undefined;
  if (![nodes, edges, versions, packages, sequences, statuses].every(Array.isArray)) return undefined;
  const hash = (text: string) => Buffer.from(text, "base64");
  const frontier = {
    size,
    nodes: (nodes ?? []).map((node) => ({ level: node.level, hash: hash(node.hash) })),
    edges: (edges ?? []).map((edge) => edge.map(hash)),
  };
  return { frontier, history: historyOf(stored), withArchives, looked };
}
