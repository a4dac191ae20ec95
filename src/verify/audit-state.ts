import type { Frontier } from "../log/frontier.ts";
import { EMPTY_FRONTIER } from "../log/frontier.ts";
import type { LeafHistory } from "./leaf-rules.ts";

/** The progress of an audit, from which it can continue with the next leaf. */
export interface AuditState {
  readonly frontier: Frontier;
  readonly history: LeafHistory;
  /** Whether every archive up to here was checked too. */
  readonly withArchives: boolean;
}

/** Returns the state before the first leaf. */
export function firstState(withArchives: boolean): AuditState {
  const history = { versions: new Set<string>(), sequences: new Map<string, number>(), archivesUnread: 0 };
  return { frontier: EMPTY_FRONTIER, history, withArchives };
}

/** Encodes a state for a file. */
export function storedOf({ frontier, history, withArchives }: AuditState) {
  const { size, nodes, edges } = frontier;
  return {
    size,
    nodes: nodes.map(({ level, hash }) => ({ level, hash: hash.toString("base64") })),
    edges: edges.map((edge) => edge.map((hash) => hash.toString("base64"))),
    versions: [...history.versions],
    sequences: [...history.sequences],
    archivesUnread: history.archivesUnread,
    withArchives,
  };
}

/**
 * Decodes a state that `storedOf` encoded. Returns undefined for the file of an older version, or a
 * modified one.
 */
export function stateOf(stored: Partial<ReturnType<typeof storedOf>>): AuditState | undefined {
  const { size, nodes, edges, versions, sequences, archivesUnread, withArchives } = stored;
  if (typeof size !== "number" || typeof archivesUnread !== "number" || typeof withArchives !== "boolean") return;
  if (![nodes, edges, versions, sequences].every(Array.isArray)) return;
  const hash = (text: string) => Buffer.from(text, "base64");
  return {
    frontier: {
      size,
      nodes: (nodes ?? []).map((node) => ({ level: node.level, hash: hash(node.hash) })),
      edges: (edges ?? []).map((edge) => edge.map(hash)),
    },
    history: { versions: new Set(versions), sequences: new Map(sequences), archivesUnread },
    withArchives,
  };
}
