import type { Frontier } from "../log/frontier.ts";
import { EMPTY_FRONTIER } from "../log/frontier.ts";
import type { LeafHistory } from "./leaf-rules.ts";

/** Where an audit ended: what it takes to go on with the next leaf. */
export interface AuditState {
  readonly frontier: Frontier;
  readonly history: LeafHistory;
  /** Whether every archive up to here was read as well. */
  readonly withArchives: boolean;
}

interface StoredState {
  readonly size: number;
  readonly nodes: readonly { readonly level: number; readonly hash: string }[];
  readonly edges: readonly (readonly string[])[];
  readonly versions: readonly string[];
  readonly sequences: readonly (readonly [string, number])[];
  readonly withArchives: boolean;
}

/** An audit that begins with the first leaf. */
export function firstState(withArchives: boolean): AuditState {
  return { frontier: EMPTY_FRONTIER, history: { versions: new Set(), sequences: new Map() }, withArchives };
}

export function storedOf({ frontier, history, withArchives }: AuditState): StoredState {
  const { size, nodes, edges } = frontier;
  return {
    size,
    nodes: nodes.map(({ level, hash }) => ({ level, hash: hash.toString("base64") })),
    edges: edges.map((edge) => edge.map((hash) => hash.toString("base64"))),
    versions: [...history.versions],
    sequences: [...history.sequences],
    withArchives,
  };
}

export function stateOf({ size, nodes, edges, versions, sequences, withArchives }: StoredState): AuditState {
  const hash = (text: string) => Buffer.from(text, "base64");
  return {
    frontier: {
      size,
      nodes: nodes.map((node) => ({ level: node.level, hash: hash(node.hash) })),
      edges: edges.map((edge) => edge.map(hash)),
    },
    history: { versions: new Set(versions), sequences: new Map(sequences) },
    withArchives,
  };
}
