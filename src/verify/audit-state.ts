import type { Frontier } from "../log/frontier.ts";
import { EMPTY_FRONTIER } from "../log/frontier.ts";
import type { LeafHistory } from "./leaf-rules.ts";

/** How far an audit came: what it takes to go on with the next leaf. */
export interface AuditState {
  readonly frontier: Frontier;
  readonly history: LeafHistory;
  /** Whether every archive up to here was read as well. */
  readonly withArchives: boolean;
}

/** An audit that begins with the first leaf. */
export function firstState(withArchives: boolean): AuditState {
  const history = { versions: new Set<string>(), sequences: new Map<string, number>(), archivesUnread: 0 };
  return { frontier: EMPTY_FRONTIER, history, withArchives };
}

/** A state as it is kept in a file. */
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

/** Reads what `storedOf` made; undefined for what an older version kept, or somebody changed. */
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
